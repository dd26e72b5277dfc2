"""What makes the load: clients so lean that one core of them keeps a core of servers busy."""
