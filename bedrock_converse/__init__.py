"""bedrock_converse."""
