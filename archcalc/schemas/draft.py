"""What the schemas share."""

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that editors read throughout
