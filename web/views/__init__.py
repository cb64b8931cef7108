"""The pages: thin views over the same verbs that the API calls."""
