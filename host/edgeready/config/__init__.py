"""What the user may choose: every option once, with its default and its help, and the rules between them."""
