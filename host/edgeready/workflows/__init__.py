"""What each command does, in the order of the work; a workflow calls the stages and returns a result."""
