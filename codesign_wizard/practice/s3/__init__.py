"""Amazon S3 in us-west-2, as far as the notary service's uploads and logs go."""
