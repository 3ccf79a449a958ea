"""What tests share: a whole Portside of real processes, and the parts around it."""
