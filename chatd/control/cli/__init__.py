"""What chatctl asks a running daemon, and how it shows the answers: tables for people, JSON for programs."""
