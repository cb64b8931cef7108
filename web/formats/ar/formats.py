"""With Latin digits go their signs: as scripts write numbers (`i18n.js`), and as a field for numbers reads them."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
