"""How numbers look in a language, where Django knows it otherwise."""
