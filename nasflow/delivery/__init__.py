"""The winner: full training, export, report, comparison with the champion, registration."""
