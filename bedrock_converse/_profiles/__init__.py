"""What is known about models, as rows of dated facts. Data only; `bedrock_converse.profiles` reads it."""
