"""Three systems written after the matcher had seen those of `held_out_late.py`; never tuned on."""

from exports.systems import File, System, text_file

STANDARD = System(
    name="names of the industry's data standard",
    write=text_file("gbk", ","),
    day=lambda day: day.strftime("%Y%m%d"),
    instant=lambda moment: moment.strftime("%Y%m%d%H%M%S"),
    flag={True: "1", False: "0"},
    codes={
        "policies.line": {"motor_compulsory": "0801", "motor_commercial": "0802",
                          "accident": "1101", "health": "1201", "household": "0201",
                          "other": "9900"},
        "policies.private_car": {True: "210", False: "220"},
        "policies.channel": {"direct": "10", "telephone": "12", "online": "13", "agent": "21",
                             "broker": "22", "dealer": "23"},
        "customers.gender": {"M": "1", "F": "2"},
        "claims.at_fault": {True: "1", False: "5"},
        "vehicles.energy": {"petrol": "A", "diesel": "B", "electric": "C", "hybrid": "D",
                            "plug_in": "O"},
    },
    files=(
        File("个人客户基本信息表", "customers", {
            "客户代码": "customers.customer_id", "客户中文名称": "customers.name",
            "证件类型代码": "-made.one", "证件号码": "-made.identity",
            "性别代码": "customers.gender", "出生日期": "customers.birth_date",
            "移动电话号码": "customers.phone", "联系地址": "-made.address",
            "客户建档时间": "customers.registered_at",
        }),
        File("车险保单信息表", "policies", {
            "保险单号码": "policies.policy_id", "投保人客户代码": "policies.customer_id",
            "承保险种代码": "policies.line", "投保单号码": "-made.proposal",
            "保险单签单时间": "policies.signed_at", "保险责任生效日期": "policies.inception",
            "保险责任终止日期": "policies.expiry", "签单保费金额": "policies.written_premium",
            "保险金额": "policies.sum_insured", "业务来源类别代码": "policies.channel",
            "承保机构代码": "policies.branch", "币种代码": "-made.currency",
            "手续费金额": "-made.commission", "机动车号牌号码": "vehicles.plate",
            "车辆识别代号": "vehicles.vin", "发动机号码": "-made.engine",
            "机动车使用性质代码": "policies.private_car",
            "机动车初次登记日期": "vehicles.first_registered",
            "核定载客人数": "vehicles.seats", "能源类型代码": "vehicles.energy",
            "新车购置价格": "vehicles.list_price", "数据更新时间": "policies.recorded_at",
        }),
        File("车险赔案信息表", "claims", {
            "赔案号码": "claims.claim_id", "保险单号码": "claims.policy_id",
            "出险时间": "claims.occurred_at", "出险原因代码": "claims.kind",
            "事故责任类型代码": "claims.at_fault", "是否涉及人员伤亡": "claims.injury",
            "报案受理时间": "claims.reported_at", "查勘完成时间": "claims.surveyed_at",
            "已决赔款金额": "sums.paid", "未决赔款金额": "sums.outstanding",
            "案件状态代码": "-made.case_status", "结案时间": "claims.closed_at",
        }),
    ),
)  # fmt: skip

GLUED = System(
    name="glued lower case",
    write=text_file("utf-8", "|", ".dat"),
    day=lambda day: day.strftime("%Y-%m-%d"),
    flag={True: "Y", False: "N"},
    last_day=True,
    codes={
        "policies.line": {"motor_compulsory": "DZA", "motor_commercial": "DAA", "accident": "EAA",
                          "health": "WAA", "household": "GAA", "other": "ZZZ"},
        "policies.business_type": {"new": "0", "transfer": "1", "renewal": "2"},
        "policies.private_car": {True: "8A", False: "8B"},
    },
    files=(
        File("cmain", "policies", {
            "policyno": "policies.policy_id", "custno": "policies.customer_id",
            "custname": "customers.name", "mobileno": "customers.phone",
            "idno": "-made.identity", "riskcode": "policies.line",
            "signdate": "policies.signed_at", "startdate": "policies.inception",
            "enddate": "policies.expiry", "netpremium": "policies.written_premium",
            "taxamount": "-made.tax", "suminsured": "policies.sum_insured",
            "renewflag": "policies.business_type", "branchcode": "policies.branch",
            "salesno": "policies.account_manager_id", "plateno": "vehicles.plate",
            "vinno": "vehicles.vin", "engineno": "-made.engine",
            "usenature": "policies.private_car", "firstregdate": "vehicles.first_registered",
            "seatcount": "vehicles.seats", "carprice": "vehicles.list_price",
            "lastinsurer": "policies.previous_insurer", "canceldate": "policies.cancelled_on",
        }),
        File("cclaim", "claims", {
            "claimno": "claims.claim_id", "policyno": "claims.policy_id",
            "lossdate": "claims.occurred_at", "reportdate": "claims.reported_at",
            "lossplace": "-made.place", "losscause": "claims.kind",
            "injuryflag": "claims.injury", "paidamount": "sums.paid",
            "reserveamount": "sums.outstanding", "closedate": "claims.closed_at",
            "handlername": "?made.operator_name",
        }),
    ),
)  # fmt: skip

FRENCH = System(
    name="French mutual",
    write=text_file("utf-8", ";"),
    day=lambda day: day.strftime("%d/%m/%Y"),
    instant=lambda moment: moment.strftime("%d/%m/%Y %H:%M:%S"),
    money=lambda amount: f"{amount:.2f}".replace(".", ","),
    flag={True: "O", False: "N"},
    order="dmy",
    decimal=",",
    codes={
        "policies.line": {"motor_compulsory": "RC", "motor_commercial": "Dommages",
                          "accident": "GAV", "health": "Santé", "household": "MRH",
                          "other": "Autre"},
        "policies.private_car": {True: "Privé", False: "Professionnel"},
        "customers.gender": {"M": "H", "F": "F"},
    },
    files=(
        File("Clients", "customers", {
            "N° client": "customers.customer_id", "Nom": "customers.name",
            "Sexe": "customers.gender", "Date de naissance": "customers.birth_date",
            "Téléphone portable": "customers.phone", "Adresse": "-made.address",
            "Date de création": "customers.registered_at",
        }),
        File("Contrats", "policies", {
            "N° contrat": "policies.policy_id", "N° client": "policies.customer_id",
            "Branche": "policies.line", "Date de souscription": "policies.signed_at",
            "Date d'effet": "policies.inception", "Date d'échéance": "policies.expiry",
            "Date de résiliation": "policies.cancelled_on",
            "Cotisation annuelle HT": "policies.written_premium", "Taxes": "-made.tax",
            "Immatriculation": "vehicles.plate", "N° de série (VIN)": "vehicles.vin",
            "Mise en circulation": "vehicles.first_registered", "Marque": "-made.brand",
            "Usage": "policies.private_car", "Agence": "policies.branch",
        }),
        File("Sinistres", "claims", {
            "N° sinistre": "claims.claim_id", "N° contrat": "claims.policy_id",
            "Date de survenance": "claims.occurred_at", "Date de déclaration": "claims.reported_at",
            "Cause": "claims.kind", "Responsabilité": "claims.at_fault",
            "Corporel": "claims.injury", "Lieu": "-made.place", "Montant réglé": "sums.paid",
            "Provision": "sums.outstanding", "Date de clôture": "claims.closed_at",
        }),
    ),
)  # fmt: skip

THIRD = (STANDARD, GLUED, FRENCH)
