"""Underwriting tags 承保 of price: the cost of cover, and its changes."""

import ibis
import ibis.expr.types as ir

from features.tags.exact import ratio, yuan
from features.tags.groups.underwriting import GROUP, NO_TERM, next_commercial

tag = GROUP.tag

NO_PAIR = NO_TERM + ", or none with a whole term before it"
NO_WHOLE = "no whole commercial motor term has begun"


@tag("有效商业险保费", unit="yuan", relation="motor_terms", null="policies are absent", empty=0)
def commercial_premium_in_force(t: ir.Table) -> ir.Value:
    """Written premium of all commercial motor terms in force."""
    return yuan(t.written_premium.sum(where=t.commercial & t.in_force).fill_null(0))


@tag("上次商业险保费变化率", unit="change", relation="motor_terms",
     null=NO_TERM + ", or fewer than two whole terms came before it")  # fmt: skip
def premium_change_ratio_before(t: ir.Table) -> ir.Value:
    """Premium change of the renewal before the last, of the vehicle of the commercial term in force
    that ends first: its premium last year / the year before that - 1."""
    here = next_commercial(t) & t.previous_whole & t.whole_two_before
    return _change(t.previous_premium, t.premium_two_before, here)


@tag("商业险保费累计变化率", unit="change", relation="motor_terms", null=NO_PAIR)
def premium_change_since_first_ratio(t: ir.Table) -> ir.Value:
    """Premium of the commercial term in force that ends first / of its vehicle's first with us
    - 1; whole terms only."""
    here = next_commercial(t) & t.whole & t.first_whole & (t.term_number > 1)
    return _change(t.written_premium, t.first_premium, here)


@tag("车险总保费变化率", unit="change", relation="motor_terms",
     null="no motor term in force has a whole term of its vehicle and line before it, with both "
     "premiums known")  # fmt: skip
def motor_premium_change_ratio(t: ir.Table) -> ir.Value:
    """Premium of the motor terms in force that follow another, compulsory and commercial of all
    vehicles, / of the terms before them - 1; whole terms only, and only where both premiums are
    known."""
    here = t.in_force & t.whole & t.previous_whole & t.previous_premium.notnull()
    # A premium that is not known is not 0: its pair says nothing of the price.
    here &= t.written_premium.notnull()
    now = t.written_premium.sum(where=here)
    return ratio(now, t.previous_premium.sum(where=here)) - 1


@tag("交强险保费变化率", unit="change", relation="motor_terms",
     null="no compulsory motor term is in force, or none with a whole term before it")  # fmt: skip
def compulsory_premium_change_ratio(t: ir.Table) -> ir.Value:
    """Premium of the compulsory term in force that ends first / of the one before - 1: what the
    compulsory cover's own no-claims discount did."""
    here = ~t.commercial & t.next_of_line & t.in_force & t.whole & t.previous_whole
    return _change(t.written_premium, t.previous_premium, here)


@tag("历史最低商业险保费", unit="yuan", relation="motor_terms", null=NO_WHOLE)
def commercial_premium_lowest_ever(t: ir.Table) -> ir.Value:
    """Lowest written premium of a whole commercial term that has begun."""
    return yuan(t.written_premium.min(where=t.commercial & t.started & t.whole))


@tag("历史最高商业险保费", unit="yuan", relation="motor_terms", null=NO_WHOLE)
def commercial_premium_highest_ever(t: ir.Table) -> ir.Value:
    """Highest written premium of a whole commercial term that has begun."""
    return yuan(t.written_premium.max(where=t.commercial & t.started & t.whole))


@tag("保费下降次数", unit="renewals", relation="motor_terms", type="int64", empty=0)
def premium_decreases_ever(t: ir.Table) -> ir.Value:
    """Number of commercial terms that cost less than the same vehicle's term before; whole terms
    only."""
    compared = t.commercial & t.whole & t.previous_whole
    return t.count(where=compared & (t.written_premium < t.previous_premium))


@tag("商业险保费占比", unit="share", null="no motor premium is in force")
def commercial_premium_share(t: ir.Table) -> ir.Value:
    """commercial_premium_in_force / motor_premium_in_force."""
    return ratio(t.commercial_premium_in_force, t.motor_premium_in_force)


@tag("车均保费", unit="yuan", null="no motor term is in force")
def premium_per_vehicle(t: ir.Table) -> ir.Value:
    """motor_premium_in_force / motor_vehicles_in_force."""
    return ratio(t.motor_premium_in_force, t.motor_vehicles_in_force)


@tag("商业险保费年均变化率", unit="change", null=NO_PAIR)
def premium_change_mean_ratio(t: ir.Table) -> ir.Value:
    """Mean premium change a renewal since the first term, compounded:
    (1 + premium_change_since_first_ratio) to the power of 1 / (commercial_term_number - 1), - 1, to
    nine decimals: engines differ in the last bit of a power."""
    renewals = t.commercial_term_number - 1
    grown = 1 + t.premium_change_since_first_ratio
    change = (grown ** (1 / renewals.cast("float64")) - 1).round(9)
    return ((renewals > 0) & (grown > 0)).ifelse(change, ibis.null("float64"))


@tag("车损险保额车价比", unit="share",
     null="no commercial term in force, no sum insured, or list price unknown")  # fmt: skip
def sum_insured_to_list_price(t: ir.Table) -> ir.Value:
    """sum_insured / vehicle_list_price."""
    return ratio(t.sum_insured, t.vehicle_list_price)


def _change(now: ir.Value, before: ir.Value, where: ir.Value) -> ir.Value:
    """Compute the relative change between two premiums of the single term chosen."""
    return ratio(now.max(where=where), before.max(where=where)) - 1
