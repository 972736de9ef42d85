"""The figures the simulated insurer is calibrated to, with grade and source.

Grades: S published and seen, D derived from published figures, B one branch's aggregates, W weak
source, K common knowledge not checked, A our assumption (`docs/simulated-insurer.md`).
"""

from datetime import date

import numpy as np

START = date(2019, 7, 1)
FIRST_DAY = (START - date(1970, 1, 1)).days
REFORM_DAY = (date(2020, 9, 19) - date(1970, 1, 1)).days  # S: start of the 2020 reform

# Portfolio (A): cohort of arrival by year; the first is the portfolio in force at the start.
COHORT_GROWTH = 1.132
FIRST_COHORT = 0.25
MIX = (0.68, 0.20, 0.12)  # renewal, transfer, new (A)
TRANSFER_IN_ARRIVALS = 0.20 / 0.32
SECOND_CAR = 0.10
CANCELLED = 0.02
LATE_RECORDED = 0.01

# Channels (S/W): direct 31 %, agents and brokers 46 %, internet about 4 %, dealers the rest.
CHANNEL_LABELS = ("direct", "telephone", "online", "agent", "broker", "dealer")
CHANNEL_SHARES = (0.22, 0.09, 0.04, 0.38, 0.08, 0.19)
CHANNEL_RENEWAL = (0.76, 0.76, 0.70, 0.70, 0.55, 0.66)  # A

TENURE_RENEWAL = (0.58, 0.68, 0.75, 0.80, 0.84)  # A, policy years 1..5
RENEWAL_OFFSET = 0.22  # A: lifts the table's mix to a large insurer's 77.8 % (S)
PRICE_EFFECT = -2.5  # A (European direct insurer -1.8: D)
USE_EFFECT = 0.12  # A: about +2 points
# What a renewal contact adds to the log-odds (A): on average about +3.5 points, for one in four
# less than nothing. By channel of the term (agents, brokers and dealers look after their customers
# themselves), by policy year (habit is woken), and by a customer's own response.
CONTACT_BY_CHANNEL = (0.46, 0.46, 0.40, 0.10, 0.0, 0.0)
CONTACT_BY_TENURE = (0.26, 0.12, 0.0, -0.16, -0.28)
CONTACT_BY_RESPONSE = 0.20
REACTS_BY_LOYALTY, REACTS_BY_RESPONSE = 0.4, 0.8  # log of the odds of a reaction to any contact
TERM_NOISE = 0.55  # A: intention of the year, seen only through quote views
RANDOMISED = 0.3  # A: part of the renewal contacts chosen by lot
CONTACTED_BY_LOT = 0.5
# Of those contacted by lot half get an offer too (A). None is a rebate: services that belong to the
# next term, or a review of its cover. Effect on the log-odds: level, by service and by price
# sensitivity.
OFFERS = ("service_pack", "cover_review")
OFFER_SHARES = (0.5, 0.25, 0.25)  # none first
OFFER_EFFECTS = ((0.05, 0.22, 0.0), (0.0, 0.0, 0.20))

# When renewals are signed, days before expiry (D/B): on the day, 1-7, 8-23 and 24-40.
SIGN_SHARES = (0.08, 0.39, 0.23, 0.30)
SIGN_LOW, SIGN_HIGH = np.array([0, 1, 8, 24]), np.array([0, 7, 23, 40])

# Price. NCD factors (K), levels -4..5; shares of transfers in (A).
NCD_FACTORS = (0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
NCD_SHARES = (0.24, 0.13, 0.18, 0.24, 0.16, 0.05)
COMPULSORY_BASE = 950.0  # S
COMPULSORY_BASE_LARGE = 1100.0  # S, six seats and more
COMMERCIAL_BEFORE = 1.42  # calibrated: 3,500 yuan a car before the reform, 2,779 after (S/D)
COMMERCIAL_LEVEL = 3550.0  # calibrated to 2,740 yuan a car in 2024 (S/D)
# The regulator pressed prices on while cars became dearer and electric: the level falls (A).
LEVEL_YEARS, LEVELS = (2020.7, 2022.5, 2024.5, 2026.5), (1.0, 0.965, 0.845, 0.75)
NEW_ENERGY_PREMIUM = 1.75  # S: +63 % on the whole motor premium
# A reform of a chosen month (`simulate(price_reform=...)`) makes commercial cover so much dearer:
# by as much as that of 2020 made it cheaper (A).
PRICE_REFORM = COMMERCIAL_BEFORE
FACTOR_MEAN, FACTOR_SD = 0.91, 0.18  # B
DRIVER_ACCIDENT = (0.55, 184.0)  # B
LIMITS = (500_000, 1_000_000, 2_000_000, 3_000_000)
LIMIT_SHARES_2019 = (0.55, 0.38, 0.06, 0.01)  # B; A
LIMIT_SHARES_2025 = (0.03, 0.22, 0.50, 0.25)
PRICES = (80_000.0, 145_000.0, 240_000.0, 380_000.0, 650_000.0)
PRICE_SHARES = (0.39, 0.43, 0.11, 0.05, 0.03)  # D/S
NEW_ENERGY_SHARE = (0.05, 0.05, 0.13, 0.23, 0.34, 0.42, 0.47, 0.50)  # registrations 2019.. (S, A)

# Claims. An accident opens a claim on the compulsory cover, the commercial cover or both, which
# reconciles 19 % of cars a year with a paid claim, a quarter of claims closed without payment, a
# claims ratio of .72 and a mean claim of 5,500 (A). The rates here count unpaid claims too.
ACCIDENTS_FUEL, ACCIDENTS_NEW_ENERGY = 0.285, 0.420
RISK_SD = 0.55
ON_COMPULSORY, ON_COMMERCIAL = 0.39, 0.97
INJURY = 0.08
MEAN_PROPERTY, SD_PROPERTY = 3550.0, 1.1  # lognormal, of 2019
MEAN_INJURY, SD_INJURY = 29_500.0, 1.25
CLAIM_INFLATION = 1.03  # A
COMPULSORY_LIMIT = 200_000.0  # S
CLOSED_UNPAID = (0.28, 0.21)  # B, 2020 and 2025
MONTH_WEIGHTS = np.array([1.1, 0.9, 1, 1, 1, 1, 1.1, 1.1, 1, 1, 1, 1.1])  # A

# Services: class, use a term, cost a use in yuan (A).
SERVICES = ("roadside", "car_wash", "chauffeur", "inspection", "courtesy_car")
SERVICE_CLASSES = ("A", "B", "B", "A", "C")
SERVICE_USE = (0.07, 0.30, 0.08, 0.12, 0.01)
SERVICE_COST = (180.0, 25.0, 90.0, 60.0, 500.0)
# Reminders to use them (A): so many of the terms and classes by lot, so many of those reminded. A
# reminder adds EFFECT * p (1 - p) to the probability of use: for most it doubles it.
REMINDED_BY_LOT, REMINDED, REMINDER_EFFECT = 0.5, 0.5, 1.0

# Further quotes asked for after the first that was made for a renewal. Who responds to price
# searches more, and a dearer offer sets it off (Honka 2014 for US motor, FCA Occasional Paper 12
# for UK renewals); the magnitudes are ours (A). A taste for haggling that has nothing to do with
# renewal is in it too, so that asking is a sign of sensitivity and no proof.
ASKS = 0.55  # a renewal whose first quote arrived, at a steady price, for the middle customer
ASKS_BY_SENSITIVITY, ASKS_BY_TASTE, ASKS_BY_RISE = 0.5, 0.4, 1.5
ASKS_AT_MOST, ASKS_WITHIN_DAYS = 3, 8
ASKS_ELSEWHERE = 0.4  # of another channel, drawn evenly over all
ASKS_CHEAPER = 0.10  # at most so much below the first: fewer add-ons, a lower limit

# Non-motor: purchases a year of motor cover, before the latent need spreads them (A).
NON_MOTOR = ("accident", "health", "household")
HAZARDS = (0.036, 0.039, 0.036)
NON_MOTOR_PREMIUM = (260.0, 900.0, 320.0)
NON_MOTOR_SUM = (300_000, 2_000_000, 500_000)
NEED_SD = 1.1
# Quotes asked for by customers, a year and line: they tell of need, not of the day of purchase (A).
NON_MOTOR_QUOTES = 0.30

# Consents on arrival to marketing, profiling and locations, and the part withdrawn later (A). Of
# who consents to marketing so many refuse one channel, half of them on arrival; calls are the least
# welcome, the steward on WeCom the most (A). Some open it again. Of those who refuse marketing and
# add the steward on WeCom, so many accept it there alone (A).
CONSENT_GIVEN, CONSENT_WITHDRAWN = (0.85, 0.90, 0.02), 0.05
CHANNEL_REFUSED = {"phone": 0.12, "sms": 0.06, "wecom": 0.02, "wechat": 0.01}
CHANNEL_REFUSED_LATER, CHANNEL_OPENED, WECOM_ALONE = 0.5, 0.15, 0.25

COUPLES = 0.20  # pairs of neighbouring customer numbers that are one household (A)

# Engagement: shares reached by 2020 and by 2025 (A).
WECOM = (0.05, 0.50)
MINI_PROGRAM = (0.10, 0.45)
COMPLAINTS_PER_CLAIM = 0.003
CITY_TIERS = ("1", "new_1", "2", "3_and_below")
CITY_SHARES = (0.10, 0.20, 0.20, 0.50)
