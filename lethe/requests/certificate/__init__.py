"""The certificate of an erasure: what it says, when it may be issued, how it is printed and checked."""
