"""What is seen of a running system from outside: its routers' status, and what each process tells of itself."""
