"""batuta conducts an order from the cart to the customer's door and back."""
