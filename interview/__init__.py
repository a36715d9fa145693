"""What an interview is: plan, questions, state and scores, without I/O and without a clock."""
