"""What each page says, one file a page: values for a template, gathered from the ledger and the standards."""
