"""Goods that come back: asked for, received, looked at, and what is given back for them.

Words: return (of an order, or blind: nobody announced it), return line (units of one order line or of one SKU), receipt
(goods that arrived, counted), grade (what state a unit came back in, which says where it lies from then on), refund
(what is given back for units; it has an id of its own, the cause of everything money does about it).

Laws: goods at the dock are never refused (RET-06). Counting goods and giving money back do not depend on each other,
in either order; both point to the return line (RET-10). A refund is made of amounts stored at the sale, never computed
again, and all refunds of a line together are never more than was paid for it (RET-04). An order's units are returned
only once they were delivered.
"""
