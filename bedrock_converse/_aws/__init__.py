"""Who calls, and where: credentials, region, endpoint, signature. The only folder that imports botocore."""
