"""What a subscription contains and what that costs: items, their period, a discount, and the lines of invoices."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sandbox.books import Books
from sandbox.catalog import Coupon, Price
from sandbox.clock import add_months, datetime_of, seconds
from sandbox.money import half_up, shares
from sandbox.stripe_shapes import Line
from sandbox.timeline import Object


@dataclass(slots=True)
class Item:
    """A plan within a subscription."""

    id: str
    price: Price
    quantity: int
    created: int


class Basket:
    """The items of one subscription in its running period [start, end)."""

    def __init__(self, books: Books, subscription: str, interval: str, start: int) -> None:
        self._books, self._subscription, self._start = books, subscription, start
        self.interval = interval
        self.period = (start, start)
        self.items: list[Item] = []
        self.coupon: Coupon | None = None
        self.discount: Object | None = None
        self.discount_end: int | None = None
        self._spent: set[str] = set()

    @property
    def prorates(self) -> bool:
        """Whether changes are made within a period: not under a fixed-amount discount."""
        return not (self.coupon and self.coupon.amount_off)

    def add(self, price: Price, quantity: int, at: int) -> Item:
        """A further item."""
        item = Item(self._books.key("si_", self._subscription, len(self.items), at, size=14), price, quantity, at)
        self.items.append(item)
        return item

    def find(self, plan: str) -> Item | None:
        """The item of a plan."""
        return next((item for item in self.items if item.price.plan == plan), None)

    # --- discount -------------------------------------------------------------------------------------------------

    def give(self, coupon: Coupon, customer: str, at: int) -> None:
        """A discount from `at` on: for good, for some months, or for one invoice."""
        self.coupon = coupon
        ends = None
        if coupon.duration == "repeating":
            ends = self.discount_end = add_months(at, coupon.months or 0)
        elif coupon.duration == "once":
            self.discount_end = at + 1
        self.discount = {
            "id": self._books.key("di_1", self._subscription),
            "object": "discount",
            "checkout_session": None,
            "customer": customer,
            "end": seconds(ends) if ends else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": None,
            "source": {"coupon": coupon.object, "type": "coupon"},
            "start": seconds(at),
            "subscription": self._subscription,
            "subscription_item": None,
        }

    def shown_discounts(self, at: int) -> list[Object]:
        """The discounts that the subscription shows."""
        over = self.discount_end is not None and at >= self.discount_end
        return [self.discount] if self.discount and not over else []

    def drop_discount(self, at: int) -> None:
        """The discount is over once its end has come."""
        if self.discount_end is not None and at >= self.discount_end:
            self.discount = self.coupon = None

    def lasting(self) -> Coupon | None:
        """The coupon when it covers two or more cycles of the present interval."""
        coupon = self.coupon
        if coupon is None or coupon.duration == "once":
            return None
        if coupon.duration == "repeating" and (coupon.months or 0) < 2 * (12 if self.interval == "year" else 1):
            return None
        return coupon

    # --- lines ----------------------------------------------------------------------------------------------------

    def full_lines(self) -> list[Line]:
        """The lines of the whole period, discounted."""
        lines = []
        for item in self.items:
            text = f"{item.quantity} × {item.price.name} (at {item.price.unit_amount} / {self.interval})"
            lines.append(self._line(item, *self.period, text, item.price.unit_amount * item.quantity))
        if not self.discount or not self.coupon:
            return lines
        key = self.discount["id"]
        if self.coupon.percent_off:
            for line in lines:
                line.discounts = [(key, half_up(Fraction(line.amount * self.coupon.percent_off, 100)))]
        else:
            off = min(self.coupon.amount_off or 0, sum(line.amount for line in lines))
            for line, part in zip(lines, shares(off, [line.amount for line in lines]), strict=True):
                line.discounts = [(key, part)]
        return lines

    def free_lines(self) -> list[Line]:
        """The lines of a trial: the plans, for nothing."""
        return [self._line(item, *self.period, f"Trial period for {item.price.name}", 0) for item in self.items]

    def rest(self, item: Item, at: int, sign: int) -> Line:
        """The rest of the running period, charged (+1) or given back (-1), exact by the second."""
        start, end = self.period
        amount = sign * half_up(item.price.unit_amount * item.quantity * Fraction(end - at, end - start))
        word = "Remaining time on" if sign > 0 else "Unused time on"
        text = f"{word} {item.quantity} × {item.price.name} after {datetime_of(at):%d %b %Y}"
        line = self._line(item, at, end, text, amount)
        line.proration = True
        if self.discount and self.coupon and self.coupon.percent_off and self._counts(item, at, sign):
            line.discounts = [(self.discount["id"], half_up(Fraction(amount * self.coupon.percent_off, 100)))]
        return line

    def _counts(self, item: Item, at: int, sign: int) -> bool:
        """Whether the discount applies to a proration line.

        A one-time discount was spent on the first invoice: it comes back with that invoice's unused time, once.
        """
        if self.coupon and self.coupon.duration == "once":
            first = item.created == self._start == self.period[0] and item.id not in self._spent
            self._spent.add(item.id)
            return sign < 0 and first
        return sign < 0 or self.discount_end is None or at < self.discount_end

    def _line(self, item: Item, start: int, end: int, text: str, amount: int) -> Line:
        return Line(text, amount, start, end, item.price, item.quantity, self._subscription, item.id)

    # --- the object -----------------------------------------------------------------------------------------------

    def item_list(self) -> Object:
        """The subscription's `items`."""
        start, end = seconds(self.period[0]), seconds(self.period[1])
        rows = [
            {
                "id": item.id,
                "object": "subscription_item",
                "billing_thresholds": None,
                "created": seconds(item.created),
                "current_period_end": end,
                "current_period_start": start,
                "discounts": [],
                "metadata": {},
                "price": item.price.object,
                "quantity": item.quantity,
                "subscription": self._subscription,
                "tax_rates": [],
            }
            for item in self.items
        ]
        url = f"/v1/subscription_items?subscription={self._subscription}"
        return {"object": "list", "data": rows, "has_more": False, "total_count": len(rows), "url": url}
