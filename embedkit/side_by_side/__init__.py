"""Two sets of results side by side: of two versions, of two machines, or beside the reference of embedkit."""
