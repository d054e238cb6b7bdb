"""Deciding a batch of orders, each seeing what those before it took."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

import msgspec

from batuta.locations.domain import TransferLane
from batuta.sourcing.domain.alternatives import Alternatives
from batuta.sourcing.domain.by_transfer import collected_together, lane_of, to_send, without_services
from batuta.sourcing.domain.capacity import ANY_ROOM, Full, Work
from batuta.sourcing.domain.dealing import Moved, assignments_of, deal, moves_for, pieces_of
from batuta.sourcing.domain.decisions import (
    Asked,
    Considered,
    Decision,
    Facts,
    Outcome,
    Source,
    consider,
    runner_up,
    split_of,
)
from batuta.sourcing.domain.demands import demands_of, lots_of, parts_of
from batuta.sourcing.domain.known import Known
from batuta.sourcing.domain.making import abilities_of, lacking
from batuta.sourcing.domain.requests import Method, Plan, SourcingLine, SourcingRequest, Unfillable
from batuta.sourcing.domain.ruling import ruled
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import (
    Candidate,
    Choice,
    Demand,
    Lane,
    Parts,
    Placement,
    Terms,
    placement_of,
    units_in,
)
from batuta.sourcing.domain.search.choosing import choose_on
from batuta.sourcing.domain.search.presets import as_preset
from batuta.sourcing.domain.sites import Rule, Site, distance_of, rule_against
from batuta.sourcing.domain.worths import keeping_at, margins, profit_of


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An order as decided: what to answer, what to move for it, what to keep of it.

    placement: of the plan. work: what each of its locations is given to do.
    """

    request: SourcingRequest
    answer: Plan | Unfillable
    decisions: tuple[Decision, ...]
    moves: tuple[Moved, ...] = ()
    placement: Placement | None = None
    work: Mapping[UUID, Work] = {}


def decide_all(
    requests: Sequence[SourcingRequest], known: Known, preset: Mapping[UUID, Placement] | None = None
) -> list[Draft]:
    """Decide the orders in turn: in the order asked, but customers first whom a strategy serves first.

    preset: where orders ship from as long as they can, decided together before; these come before all others.
    """
    preset = preset or {}
    orders = [Ordered(request, known, preset=preset.get(request.order_id)) for request in requests]
    turns = sorted(range(len(orders)), key=lambda n: (orders[n].preset is None, orders[n].ruled.tier))
    drafts = {n: orders[n].decide() for n in turns}
    return [drafts[n] for n in range(len(orders))]


class Ordered:
    """One order of the batch.

    totals: units by SKU. claimed: what its lines hold, by location and SKU. lots: of lines that are not split, how many
    units travel as one. is_whole: no line is split. by_transfer: how what the store of a pickup lacks is sent there, by
    the location it comes from.
    """

    def __init__(
        self,
        request: SourcingRequest,
        known: Known,
        *,
        is_whole: bool = False,
        preset: Placement | None = None,
        by_transfer: Mapping[UUID, TransferLane] = MappingProxyType({}),
    ) -> None:
        self.preset, self.by_transfer = preset, by_transfer
        self.ruled = ruled(request, known)
        self.asked, self.request, self.known = request, self.ruled.request, known
        self.is_whole = is_whole or self.ruled.splits_per_line == 0
        self.lots = {line.line_id: line.quantity if self.is_whole else 1 for line in request.lines}
        self.attempt = known.attempts.get(request.order_id, 0) + 1
        self.claims = known.claims.get(request.order_id, {})
        parts = {line.line_id: parts_of(line, known.goods) for line in request.lines}
        self.wanted = {
            line.line_id: lots_of(parts[line.line_id], line.quantity, self.lots[line.line_id])
            for line in request.lines
            if parts[line.line_id]
        }
        self.totals: dict[UUID, int] = defaultdict(int)
        for made_of, units in self.wanted.values():
            for sku_id, per_unit in made_of:
                self.totals[sku_id] += per_unit * units
        self.claimed: dict[UUID, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
        for (line_id, sku_id, location_id), units in self.claims.items():
            if line_id in self.wanted and sku_id in self.totals:
                self.claimed[location_id][sku_id] += units

    def decide(self) -> Draft:
        facts = self.facts()
        board = Board(self.demands(), list(facts.candidates.values()), self.terms())
        nothing = None if self.totals else Choice(shipments=(), split_minor=0, is_greedy=False)
        is_held = self.request.order_id not in self.known.unheld
        choice = nothing or (self.choose(board) if is_held else None)
        if choice is None and is_held and (lanes := self.more_lanes()):
            return Ordered(self.asked, self.known, by_transfer=lanes).decide()
        if choice is None and is_held and not self.is_whole and self.ruled.splits_per_line is not None:
            return Ordered(self.asked, self.known, is_whole=True, by_transfer=self.by_transfer).decide()
        if choice is None:
            return self._unfillable(board, facts)

        dealt = deal(self.wanted, choice, self.claims)
        pieces = pieces_of(self.wanted, dealt)
        moves = tuple(moves_for(pieces, self.claims, self.known.goods))
        work = _work_of(pieces, choice)
        self._take(work, moves)
        others = Alternatives(board, choice)
        choice = choice if self.request.method is Method.SHIP else without_services(choice)
        sources = self._sources(dealt, choice)
        assignments = assignments_of(pieces, choice, self.known.goods)
        profit = profit_of(self.request, assignments, choice.costs, self.known.costs)
        return Draft(
            request=self.request,
            answer=Plan(
                order_id=self.request.order_id,
                attempt=self.attempt,
                assignments=assignments,
                costs=choice.costs,
                currency=self.request.currency,
                is_greedy=choice.is_greedy,
            ),
            decisions=tuple(
                msgspec.structs.replace(
                    self._decision(line, board, facts, others, sources[line.line_id]), profit=profit
                )
                for line in self.request.lines
            ),
            moves=moves,
            placement=placement_of(choice.shipments),
            work=work,
        )

    def _sources(self, dealt: Mapping[tuple[UUID, UUID], int], choice: Choice) -> Mapping[UUID, list[Source]]:
        """Where each line's units ship from."""
        services = {shipment.location_id: shipment.service_id for shipment in choice.shipments}
        found: dict[UUID, list[Source]] = defaultdict(list)
        for (line_id, location_id), units in dealt.items():
            source = Source(
                location_id=location_id,
                quantity=units,
                service_id=services[location_id],
                by_transfer=location_id in self.by_transfer,
            )
            found[line_id].append(source)
        return found

    def choose(self, board: Board) -> Choice | None:
        """The cheapest plan that splits no line too often; where the search cannot know it, one that is, marked so.

        What was decided together with other orders stands as long as it can be sent.
        """
        choice, splits = as_preset(board, self.preset) or choose_on(board), self.ruled.splits_per_line
        if choice is None or self.is_whole or splits is None or len(choice.shipments) <= splits + 1:
            return choice
        places = Counter(line_id for line_id, _ in deal(self.wanted, choice, self.claims))
        if max(places.values()) <= splits + 1:
            return choice
        candidates = [place.candidate for place in board.places]
        terms = msgspec.structs.replace(board.terms, max_splits=splits)
        fewer = choose_on(Board(board.demands, candidates, terms))
        return msgspec.structs.replace(fewer, is_greedy=True) if fewer else None

    def demands(self) -> list[Demand]:
        return demands_of(self.request, self.wanted, self.lots, self.known.goods, is_whole=self.is_whole)

    def terms(self) -> Terms:
        return collected_together(self.ruled.terms()) if self.by_transfer else self.ruled.terms()

    def facts(self) -> Facts:
        stock = self._stock()
        sites = {location_id: self.known.sites[location_id] for location_id in stock if location_id in self.known.sites}
        order_id, method = self.request.order_id, self.request.method
        abilities, full = abilities_of(self.request.lines), self._full(sites)
        may_be_banned = not self.request.override and (self.request.banned or self.known.barred)
        rules, because, candidates, unable = {}, {}, {}, {}
        for location_id, site in sites.items():
            is_full = self.known.is_full(order_id, location_id, method)
            lane = self.by_transfer.get(location_id)
            rule = rule_against(site, self.request, is_full=is_full, now=self.known.now, transfer=lane)
            if rule is None and not self.request.override and (broken := self.ruled.rule_against(site)):
                rule, because[location_id] = broken
            if rule is not None:
                rules[location_id] = rule
                continue
            bans = self._bans(location_id, stock[location_id]) if may_be_banned else frozenset()
            maker = site if lane is None else self.known.sites[lane.target_location_id]
            if abilities and (missing := lacking(maker, abilities)):
                unable[location_id], bans = missing, bans.union(missing)
            candidates[location_id] = self._candidate(site, stock[location_id], bans)
        if self.by_transfer:
            candidates = to_send(candidates, self.wanted.values(), self.request.pickup_location_id)
        return Facts(
            sites=sites,
            rules=rules,
            stock=stock,
            candidates=candidates,
            because=because,
            unable=unable,
            full=full,
        )

    def _full(self, location_ids: Iterable[UUID]) -> dict[UUID, Full]:
        """Of the locations that could not do all of the order now, the limit that says so."""
        if not self.known.capacity:
            return {}
        whole = Work(orders=1, lines=len(self.wanted), units=sum(self.totals.values()), packages=1)
        method = self.request.method
        found = ((at, self.known.full_for(at, method, whole)) for at in location_ids)
        return {at: limit for at, limit in found if limit is not None}

    def _bans(self, location_id: UUID, sku_ids: Iterable[UUID]) -> frozenset[UUID]:
        """The SKUs that the order must not have from there."""
        banned, barred, order_id = self.request.banned, self.known.is_barred, self.request.order_id
        return frozenset(
            sku_id for sku_id in sku_ids if (sku_id, location_id) in banned or barred(order_id, sku_id, location_id)
        )

    def _stock(self) -> dict[UUID, dict[UUID, int]]:
        """Units by location and SKU that the order may have: what is free, and what it holds and is truly there.

        What is not tracked is wherever something else of the order is, or else everywhere.
        """
        stock: dict[UUID, dict[UUID, int]] = defaultdict(dict)
        known, asker = self.known, self.request.asker
        for sku_id in self.totals:
            for location_id in known.holders.get(sku_id, ()):
                units = known.room(asker, sku_id, location_id)
                if location_id in self.claimed:
                    units += min(self.claimed[location_id][sku_id], known.shelves[sku_id, location_id].on_hand)
                stock[location_id][sku_id] = units
        if self.request.pickup_location_id is not None:
            stock.setdefault(self.request.pickup_location_id, {})
        untracked = {sku_id: units for sku_id, units in self.totals.items() if not self.known.goods[sku_id].is_tracked}
        for location_id in self.known.sites if untracked and len(untracked) == len(self.totals) else list(stock):
            stock[location_id].update(untracked)
        return stock

    def _candidate(self, site: Site, stock: Mapping[UUID, int], bans: frozenset[UUID]) -> Candidate:
        keeping = keeping_at(self.known, self.request, site.location_id, totals=self.totals, stock=stock)
        if site.location_id in self.by_transfer:
            bans |= {sku_id for sku_id in stock if not self.known.goods[sku_id].is_tracked}
        limited = self.known.capacity.get(site.location_id) if self.request.override is None else None
        room = limited.room(self.request.method) if limited else ANY_ROOM
        return Candidate(
            location_id=site.location_id,
            code=site.code,
            handling_order_minor=site.handling_order_minor,
            handling_unit_minor=site.handling_unit_minor,
            stock={sku_id: units for sku_id, units in stock.items() if sku_id not in bans} if bans else stock,
            claimed=self.claimed.get(site.location_id, {}),
            distance_m=distance_of(site, self.request),
            preference_minor=self.ruled.preference_minor(site),
            lanes=self._lanes(site.location_id),
            lines_max=room.lines,
            pieces_max=room.units,
            packaging_minor=site.packaging_parcel_minor,
            packaging_unit_minor=site.packaging_unit_minor,
            margin_minor=margins(self.known.costs, self.totals, site.location_id, self.request.currency),
            scarcity_minor=keeping.scarcity_minor,
            markdown_minor=keeping.markdown_minor,
        )

    def _lanes(self, location_id: UUID) -> tuple[Lane, ...] | None:
        if self.request.method is Method.SHIP:
            return self.known.lanes.get((self.request.order_id, location_id), ())
        transfer = self.by_transfer.get(location_id)
        return (lane_of(transfer),) if transfer else None

    def more_lanes(self) -> Mapping[UUID, TransferLane]:
        """The lanes by which a store could get what it lacks, by source, if they were not looked at yet.

        What is made to order is made where it is picked up.
        """
        store_id = self.request.pickup_location_id
        if self.by_transfer or store_id is None or not self.request.ships_to_store or abilities_of(self.request.lines):
            return {}
        return {one.source_location_id: one for one in self.known.transfer_lanes.get(store_id, ())}

    def _by_unit(self, one: Considered, line: SourcingLine, facts: Facts) -> Considered:
        """What was said of a line that travels whole, said of its units."""
        parts = parts_of(line, self.known.goods)
        have = min(line.quantity, units_in(facts.stock.get(one.location_id, {}), parts))
        rule = Rule.NOT_ENOUGH if one.rule is Rule.NO_STOCK and have else one.rule
        return msgspec.structs.replace(one, have=have, rule=rule)

    def _take(self, work: Mapping[UUID, Work], moves: Sequence[Moved]) -> None:
        """Leave to the next orders what this one left; a unit it moves is free where it was."""
        for one in moves:
            self.known.shelves[one.sku_id, one.source_location_id].room += one.quantity
            self.known.shelves[one.sku_id, one.target_location_id].room -= one.quantity
        for location_id, given in work.items():
            if location_id in self.known.capacity:
                self.known.capacity[location_id].give(self.request.method, given)

    def _unfillable(self, board: Board, facts: Facts) -> Draft:
        """Say which lines cannot be served even if they were the whole order."""
        decisions = tuple(self._decision(line, board, facts, None, ()) for line in self.request.lines)
        have: dict[Parts, int] = defaultdict(int)
        for place in board.places:
            for demand, units in zip(board.demands, place.stock, strict=True):
                have[demand.parts] += units
        asked = {demand.parts: demand.quantity for demand in board.demands}
        short = [line_id for line_id, (parts, _) in self.wanted.items() if have[parts] < asked[parts]]
        answer = Unfillable(
            "no location can serve what is asked" if short else "too many locations would have to share the order",
            order_id=str(self.request.order_id),
            line_ids=[str(line_id) for line_id in short],
            rules=sorted({str(one.rule) for decision in decisions for one in decision.considered if one.rule}),
        )
        return Draft(request=self.request, answer=answer, decisions=decisions)

    def _decision(
        self,
        line: SourcingLine,
        board: Board,
        facts: Facts,
        others: Alternatives | None,
        sources: Sequence[Source],
    ) -> Decision:
        parts, _ = self.wanted.get(line.line_id, ((), 0))
        choice = others.choice if others else None
        lot = self.lots[line.line_id]
        asked = Asked(
            parts=parts, quantity=line.quantity // lot, sources=sources, is_forced=self.request.override is not None
        )
        considered = consider(board, facts, others, asked) if parts else []
        if lot > 1:
            considered = [self._by_unit(one, line, facts) for one in considered]
            sources = [msgspec.structs.replace(one, quantity=one.quantity * lot) for one in sources]
        second = runner_up(considered)
        works = sum(1 for site in facts.sites.values() if site.is_active)
        return Decision(
            order_id=self.request.order_id,
            line_id=line.line_id,
            attempt=self.attempt,
            at=self.known.now,
            outcome=Outcome.PLANNED if choice else Outcome.UNFILLABLE,
            quantity=line.quantity,
            currency=self.request.currency,
            sources=tuple(sources),
            considered=tuple(considered),
            elsewhere=max(0, self.known.sites_active - works),
            costs=choice.costs if choice else None,
            runner_up_id=second.location_id if second else None,
            difference_minor=second.difference_minor if second else None,
            is_greedy=choice.is_greedy if choice else False,
            strategy=self.ruled.used,
            split=split_of(others) if others else None,
            override=self.request.override,
        )


def _work_of(pieces: Mapping[tuple[UUID, UUID, UUID], int], choice: Choice) -> dict[UUID, Work]:
    """What each location of a plan is given to do: lines, pieces, and the packages that they go in."""
    found = {}
    for shipment in choice.shipments:
        here = {key: units for key, units in pieces.items() if key[2] == shipment.location_id}
        found[shipment.location_id] = Work(
            orders=1,
            lines=len({line_id for line_id, _, _ in here}),
            units=sum(here.values()),
            packages=shipment.packages,
        )
    return found
