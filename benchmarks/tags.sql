-- Sixty tags of every customer as of one date, as somebody who knows DuckDB writes them by hand:
-- one pass a table, the cutoff as a constant, nothing general. benchmarks/tags.py fills in the
-- cutoff, also in microseconds, the date and the files, and holds the result against ours. Days
-- are counted in microseconds: calendar arithmetic on instants costs many times as much.
WITH who AS (
    SELECT DISTINCT customer_id FROM '{customers}'
    WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
),
terms AS (
    SELECT *, line IN ('motor_compulsory', 'motor_commercial') AS motor,
        line = 'motor_commercial' AS commercial,
        coalesce(cancelled_on, expiry) AS cover_end,
        inception <= {as_of} AS started,
        inception <= {as_of} AND coalesce(cancelled_on, expiry) > {as_of} AS in_force,
        date_diff('day', {as_of}, coalesce(cancelled_on, expiry)) AS ends_in
    FROM '{policies}'
    WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
        AND (cancelled_on IS NULL OR cancelled_on > inception)
),
lines AS (
    SELECT customer_id,
        coalesce(bool_or(in_force AND line = 'accident'), false) AS holds_accident,
        coalesce(bool_or(in_force AND line = 'health'), false) AS holds_health,
        coalesce(bool_or(in_force AND line = 'household'), false) AS holds_household,
        count(*) FILTER (line = 'accident') AS accident_policies_ever,
        count(DISTINCT line) FILTER (in_force) AS products_held,
        coalesce(sum(written_premium) FILTER (in_force AND NOT motor), 0)::DOUBLE
            AS non_motor_premium_in_force,
        min(({end_us} - 1 - epoch_us(signed_at)) // 86400000000) FILTER (NOT motor)
            AS days_since_last_non_motor_signing
    FROM terms GROUP BY customer_id
),
chained AS (
    SELECT *, row_number() OVER vehicle AS term_number,
        lag(written_premium) OVER vehicle AS previous_premium,
        lag(ncd_level) OVER vehicle AS previous_ncd,
        lag(channel) OVER vehicle AS previous_channel,
        max(inception) OVER (PARTITION BY customer_id, vehicle_id) AS last_inception,
        max(cover_end) OVER (PARTITION BY customer_id ORDER BY inception, policy_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM terms WHERE motor
    WINDOW vehicle AS (PARTITION BY customer_id, line, vehicle_id ORDER BY inception, policy_id)
),
motor AS (
    SELECT customer_id,
        count(*) FILTER (in_force) AS motor_policies_in_force,
        count(DISTINCT vehicle_id) FILTER (in_force) AS motor_vehicles_in_force,
        count(*) FILTER (started) AS motor_policies_ever,
        min(ends_in) FILTER (commercial AND in_force) AS days_to_commercial_expiry,
        min(ends_in) FILTER (in_force) AS days_to_motor_expiry,
        arg_min({{'paid': written_premium, 'before': previous_premium, 'ncd': ncd_level,
            'change': ncd_level - previous_ncd, 'follows': last_inception > inception
                AND last_inception >= cover_end - INTERVAL 30 DAY}}, (ends_in, policy_id))
            FILTER (commercial AND in_force) AS next,
        sum(written_premium) FILTER (in_force)::DOUBLE AS motor_premium_in_force,
        arg_min({{'channel': channel}}, (CASE WHEN in_force THEN 0 WHEN started THEN 1 ELSE 2 END,
            NOT commercial, abs(ends_in), policy_id)).channel AS channel,
        count(*) FILTER (commercial AND started AND term_number > 1) AS commercial_renewals_ever,
        count(*) FILTER (commercial AND channel <> previous_channel) AS channel_switches,
        count(*) FILTER (started AND inception > covered_until) AS cover_gaps_ever,
        count(DISTINCT vehicle_id) FILTER (started) AS vehicles_ever,
        max(date_diff('day', inception, {as_of})) FILTER (started) AS days_since_first_motor_term,
        coalesce(sum(written_premium)
            FILTER (started AND inception > {as_of} - INTERVAL 36 MONTH), 0)::DOUBLE
            AS motor_premium_36m
    FROM chained GROUP BY customer_id
),
losses AS (
    SELECT *, ({end_us} - 1 - epoch_us(occurred_at)) // 86400000000 AS days,
        ({end_us} - 1 - epoch_us(reported_at)) // 86400000000 AS reported_days,
        occurred_at >= {cutoff} - INTERVAL 36 MONTH AS in_36m,
        -- What happens after the date is not known on it, though the row already says it.
        closed_at IS NULL OR closed_at >= {cutoff} AS open,
        CASE WHEN paid_at < {cutoff}
            THEN ({end_us} - 1 - epoch_us(paid_at)) // 86400000000 END AS paid_days
    FROM '{claims}'
    WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
        AND occurred_at < {cutoff}
),
claims AS (
    SELECT customer_id,
        count(*) FILTER (days < 30) AS claim_count_30d,
        count(*) FILTER (days < 90) AS claim_count_90d,
        count(*) FILTER (in_36m) AS claim_count_36m,
        count(*) AS claim_count_ever,
        count(*) FILTER (in_36m AND at_fault) AS at_fault_claim_count_36m,
        count(*) FILTER (in_36m AND injury) AS injury_claim_count_36m,
        min(days) AS days_since_last_claim,
        count(*) FILTER (open AND reported_days >= 0) AS open_claims,
        (sum(reported_days - paid_days) FILTER (in_36m))::DOUBLE
            / nullif(count(reported_days - paid_days) FILTER (in_36m), 0) AS payment_delay_days_36m
    FROM losses GROUP BY customer_id
),
moved AS (
    SELECT customer_id, claim_id, sum(paid_change) AS paid, sum(outstanding_change) AS outstanding
    FROM '{claim_movements}'
    WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
        AND moved_at < {cutoff}
    GROUP BY customer_id, claim_id
),
amounts AS (
    SELECT customer_id,
        coalesce(sum(paid) FILTER (days < 365), 0)::DOUBLE AS claims_paid_365d,
        coalesce(sum(paid) FILTER (in_36m), 0)::DOUBLE AS claims_paid_36m,
        coalesce(sum(paid + outstanding) FILTER (in_36m), 0)::DOUBLE AS claims_incurred_36m,
        sum(outstanding)::DOUBLE AS claims_outstanding,
        (max(paid + outstanding) FILTER (in_36m))::DOUBLE AS largest_claim_36m
    FROM losses JOIN moved USING (customer_id, claim_id) GROUP BY customer_id
),
quotes AS (
    SELECT customer_id,
        count(*) FILTER (days < 30) AS quote_count_30d,
        count(*) FILTER (days < 90) AS quote_count_90d,
        count(*) FILTER (days < 90 AND delivered_at < {cutoff}) AS quote_delivered_count_90d,
        count(*) FILTER (days < 90 AND viewed_at < {cutoff}) AS quote_viewed_count_90d,
        count(DISTINCT channel) FILTER (days < 365) AS quote_channels_365d,
        min(days) AS days_since_last_quote
    FROM (
        SELECT *, ({end_us} - 1 - epoch_us(quoted_at)) // 86400000000 AS days FROM '{quotes}'
        WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
            AND quoted_at < {cutoff}
    ) GROUP BY customer_id
),
contacts AS (
    SELECT customer_id,
        count(*) FILTER (sent AND days < 90) AS contact_count_90d,
        count(*) FILTER (sent AND days < 365) AS contact_count_365d,
        count(*) FILTER (sent AND days < 90 AND result IN ('delivered', 'read', 'refused',
            'clicked', 'replied', 'connected', 'converted')) AS contact_reached_count_90d,
        count(*) FILTER (sent AND days < 365 AND result IN ('clicked', 'replied', 'connected',
            'converted')) AS contact_response_count_365d,
        count(*) FILTER (NOT sent AND days < 365) AS inbound_contact_count_365d,
        count(*) FILTER (sent AND days < 365 AND result IN ('refused', 'opted_out'))
            AS contact_refused_count_365d,
        coalesce(sum(cost) FILTER (days < 365), 0)::DOUBLE AS contact_cost_365d,
        count(*) FILTER (sent AND days < 365 AND channel = 'phone') AS phone_contact_count_365d,
        min(days) FILTER (sent) AS days_since_last_contact
    FROM (
        SELECT *, direction = 'out' AS sent,
            ({end_us} - 1 - epoch_us(occurred_at)) // 86400000000 AS days FROM '{interactions}'
        WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
            AND occurred_at < {cutoff}
    ) GROUP BY customer_id
),
services AS (
    SELECT customer_id,
        count(*) FILTER (days < 365) AS entitlement_granted_count_365d,
        count(*) FILTER (used_days < 365) AS entitlement_used_count_365d,
        count(*) FILTER (used >= {cutoff} - INTERVAL 36 MONTH) AS entitlement_used_count_36m,
        min(used_days) AS days_since_last_entitlement_use,
        count(*) FILTER (used IS NULL AND expires_on > {as_of}) AS entitlements_open,
        coalesce(sum(unit_cost) FILTER (used_days < 365), 0)::DOUBLE AS entitlement_cost_365d
    FROM (
        SELECT *, ({end_us} - 1 - epoch_us(granted_at)) // 86400000000 AS days,
            CASE WHEN used_at < {cutoff} THEN used_at END AS used,
            ({end_us} - 1 - epoch_us(used)) // 86400000000 AS used_days
        FROM '{entitlements}'
        WHERE recorded_at < {cutoff} AND (superseded_at IS NULL OR superseded_at >= {cutoff})
            AND granted_at < {cutoff}
    ) GROUP BY customer_id
)
SELECT customer_id,
    coalesce(holds_accident, false) AS holds_accident,
    coalesce(holds_health, false) AS holds_health,
    coalesce(holds_household, false) AS holds_household,
    coalesce(accident_policies_ever, 0) AS accident_policies_ever,
    coalesce(products_held, 0) AS products_held,
    coalesce(non_motor_premium_in_force, 0) AS non_motor_premium_in_force,
    days_since_last_non_motor_signing,
    coalesce(motor_policies_in_force, 0) AS motor_policies_in_force,
    coalesce(motor_vehicles_in_force, 0) AS motor_vehicles_in_force,
    coalesce(motor_policies_ever, 0) AS motor_policies_ever,
    days_to_commercial_expiry,
    days_to_motor_expiry,
    next.paid::DOUBLE AS commercial_premium_current,
    next.before::DOUBLE AS commercial_premium_previous,
    next.ncd AS ncd_level,
    next.change AS ncd_level_change,
    next.follows AS commercial_renewal_signed,
    motor_premium_in_force,
    channel,
    coalesce(commercial_renewals_ever, 0) AS commercial_renewals_ever,
    coalesce(channel_switches, 0) AS channel_switches,
    coalesce(cover_gaps_ever, 0) AS cover_gaps_ever,
    coalesce(vehicles_ever, 0) AS vehicles_ever,
    days_since_first_motor_term,
    coalesce(motor_premium_36m, 0) AS motor_premium_36m,
    coalesce(claim_count_30d, 0) AS claim_count_30d,
    coalesce(claim_count_90d, 0) AS claim_count_90d,
    coalesce(claim_count_36m, 0) AS claim_count_36m,
    coalesce(claim_count_ever, 0) AS claim_count_ever,
    coalesce(at_fault_claim_count_36m, 0) AS at_fault_claim_count_36m,
    coalesce(injury_claim_count_36m, 0) AS injury_claim_count_36m,
    days_since_last_claim,
    coalesce(open_claims, 0) AS open_claims,
    payment_delay_days_36m,
    coalesce(claims_paid_365d, 0) AS claims_paid_365d,
    coalesce(claims_paid_36m, 0) AS claims_paid_36m,
    coalesce(claims_incurred_36m, 0) AS claims_incurred_36m,
    coalesce(claims_outstanding, 0) AS claims_outstanding,
    largest_claim_36m,
    coalesce(quote_count_30d, 0) AS quote_count_30d,
    coalesce(quote_count_90d, 0) AS quote_count_90d,
    coalesce(quote_delivered_count_90d, 0) AS quote_delivered_count_90d,
    coalesce(quote_viewed_count_90d, 0) AS quote_viewed_count_90d,
    coalesce(quote_channels_365d, 0) AS quote_channels_365d,
    days_since_last_quote,
    coalesce(contact_count_90d, 0) AS contact_count_90d,
    coalesce(contact_count_365d, 0) AS contact_count_365d,
    coalesce(contact_reached_count_90d, 0) AS contact_reached_count_90d,
    coalesce(contact_response_count_365d, 0) AS contact_response_count_365d,
    coalesce(inbound_contact_count_365d, 0) AS inbound_contact_count_365d,
    coalesce(contact_refused_count_365d, 0) AS contact_refused_count_365d,
    coalesce(contact_cost_365d, 0) AS contact_cost_365d,
    coalesce(phone_contact_count_365d, 0) AS phone_contact_count_365d,
    days_since_last_contact,
    coalesce(entitlement_granted_count_365d, 0) AS entitlement_granted_count_365d,
    coalesce(entitlement_used_count_365d, 0) AS entitlement_used_count_365d,
    coalesce(entitlement_used_count_36m, 0) AS entitlement_used_count_36m,
    days_since_last_entitlement_use,
    coalesce(entitlements_open, 0) AS entitlements_open,
    coalesce(entitlement_cost_365d, 0) AS entitlement_cost_365d
FROM who
LEFT JOIN lines USING (customer_id)
LEFT JOIN motor USING (customer_id)
LEFT JOIN claims USING (customer_id)
LEFT JOIN amounts USING (customer_id)
LEFT JOIN quotes USING (customer_id)
LEFT JOIN contacts USING (customer_id)
LEFT JOIN services USING (customer_id)
ORDER BY customer_id
