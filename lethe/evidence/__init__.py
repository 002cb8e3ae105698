"""What a third party can check without trusting us: signatures, and trees of hashes."""
