"""Four systems written when the matcher was done, before it saw one of them; never tuned on.

Headings as public programs and tables have them: a platform's interface in camel case, whole
pinyin, a Spanish broker, and an English portfolio with a row a claim.
"""

from exports.books import Book
from exports.systems import File, System, text_file

PLATFORM = System(
    name="platform, camel case",
    write=text_file("utf-8", ","),
    instant=lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
    codes={
        "policies.line": {"motor_compulsory": "1", "motor_commercial": "2", "accident": "3",
                          "health": "4", "household": "5", "other": "9"},
        "policies.private_car": {True: "1", False: "2"},
        "vehicles.energy": {"petrol": "0", "diesel": "1", "electric": "2", "hybrid": "3",
                            "plug_in": "4"},
    },
    files=(
        File("UserInfo", "customers", {
            "UserId": "customers.customer_id", "PostedName": "customers.name",
            "HolderMobile": "customers.phone", "CredentislasNum": "-made.identity",
            "Birthday": "customers.birth_date", "Address": "-made.address",
            "CreateTime": "customers.registered_at",
        }),
        File("PolicyInfo", "policies", {
            "PolicyNum": "policies.policy_id", "InsType": "policies.line",
            "UserId": "policies.customer_id", "InsuredName": "customers.name",
            "LicenseNo": "vehicles.plate", "CarVin": "vehicles.vin",
            "EngineNo": "-made.engine", "ModleName": "-made.brand",
            "RegisterDate": "vehicles.first_registered", "CarUsedType": "policies.private_car",
            "PurchasePrice": "vehicles.list_price", "SeatCount": "vehicles.seats",
            "FuelType": "vehicles.energy", "IssueTime": "policies.signed_at",
            "EffectDate": "policies.inception", "ExpireDate": "policies.expiry",
            "Premiums": "policies.written_premium", "VehicleTax": "-made.tax",
            "Organization": "policies.branch", "UpdateTime": "policies.recorded_at",
        }),
        File("CaseInfo", "claims", {
            "CaseNo": "claims.claim_id", "PolicyNum": "claims.policy_id",
            "AccidentTime": "claims.occurred_at", "ReportTime": "claims.reported_at",
            "AccidentReason": "claims.kind", "AccidentPlace": "-made.place",
            "DriverName": "-made.driver", "PayAmount": "sums.paid",
            "EstimateAmount": "sums.outstanding", "EndCaseTime": "claims.closed_at",
        }),
    ),
)  # fmt: skip

PINYIN = System(
    name="whole pinyin, both covers in a row",
    write=text_file("gb18030", "\t", ".txt"),
    day=lambda day: day.strftime("%Y-%m-%d"),
    flag={True: "是", False: "否"},
    codes={"policies.private_car": {True: "家庭自用", False: "企业非营业"},
           "customers.gender": {"M": "男", "F": "女"}},
    files=(
        File("baodanxinxi", "vehicle_years", {
            "kehubianhao": "policies.customer_id", "toubaorenmingcheng": "customers.name",
            "toubaorendianhua": "customers.phone", "toubaorendizhi": "-made.address",
            "xingbie": "customers.gender", "chushengriqi": "customers.birth_date",
            "chepaihao": "vehicles.plate", "chejiahao": "vehicles.vin",
            "fadongjihao": "-made.engine", "changpaixinghao": "-made.brand",
            "chudengriqi": "vehicles.first_registered", "hedingzaike": "vehicles.seats",
            "shiyongxingzhi": "policies.private_car", "qiandanriqi": "policies.signed_at",
            "qibaoriqi": "policies.inception", "zhongbaoriqi": "policies.expiry",
            "jqxbaodanhao": "jq.policy_id", "jqxbaofei": "jq.written_premium",
            "syxbaodanhao": "sy.policy_id", "syxbaofei": "sy.written_premium",
            "chechuanshui": "-made.tax", "yewuyuan": "customers.account_manager_name",
            "jigoumingcheng": "policies.branch",
        }),
        File("lipeixinxi", "claims", {
            "peianhao": "claims.claim_id", "baodanhao": "claims.policy_id",
            "chuxianriqi": "claims.occurred_at", "chuxiandidian": "-made.place",
            "baoanriqi": "claims.reported_at", "chakanriqi": "claims.surveyed_at",
            "peikuanjine": "sums.paid", "weijuejine": "sums.outstanding",
            "jieanriqi": "claims.closed_at",
        }),
    ),
)  # fmt: skip

SPANISH = System(
    name="Spanish broker",
    write=text_file("utf-8-sig", ";"),
    day=lambda day: day.strftime("%d/%m/%Y"),
    instant=lambda moment: moment.strftime("%d/%m/%Y %H:%M"),
    money=lambda amount: f"{amount:.2f}".replace(".", ","),
    flag={True: "SI", False: "NO"},
    order="dmy",
    decimal=",",
    codes={
        "policies.line": {"motor_compulsory": "RC", "motor_commercial": "Todo riesgo",
                          "accident": "Accidentes", "health": "Salud", "household": "Hogar",
                          "other": "Otros"},
        "policies.private_car": {True: "Particular", False: "Empresa"},
        "customers.gender": {"M": "Hombre", "F": "Mujer"},
    },
    files=(
        File("Cartera", "policies", {
            "Nº Póliza": "policies.policy_id", "Ramo": "policies.line",
            "Cód. Cliente": "policies.customer_id", "Tomador": "customers.name",
            "NIF": "-made.identity", "Sexo": "customers.gender",
            "F. Nacimiento": "customers.birth_date", "Teléfono": "customers.phone",
            "Correo electrónico": "-made.email", "Matrícula": "vehicles.plate",
            "Bastidor": "vehicles.vin", "Marca y modelo": "-made.brand",
            "Fecha matriculación": "vehicles.first_registered", "Uso": "policies.private_car",
            "Fecha emisión": "policies.signed_at", "Fecha efecto": "policies.inception",
            "Fecha vencimiento": "policies.expiry", "Fecha anulación": "policies.cancelled_on",
            "Prima neta": "policies.written_premium", "Prima total": "?made.gross",
            "Comisión": "-made.commission", "Oficina": "policies.branch",
            "Compañía anterior": "policies.previous_insurer",
        }),
        File("Siniestros", "claims", {
            "Nº Siniestro": "claims.claim_id", "Nº Póliza": "claims.policy_id",
            "Fecha ocurrencia": "claims.occurred_at", "Fecha comunicación": "claims.reported_at",
            "Causa": "claims.kind", "Culpa": "claims.at_fault", "Lesionados": "claims.injury",
            "Conductor": "-made.driver", "Pagos": "sums.paid", "Reservas": "sums.outstanding",
            "Fecha cierre": "claims.closed_at", "Situación": "-made.case_status",
        }),
    ),
)  # fmt: skip

_BOOK = Book("Motor portfolio", "Motor portfolio as at 30 June 2026 - ", totals=False)
ENGLISH = System(
    name="English portfolio, workbook",
    write=_BOOK,
    close=_BOOK.close,
    day=lambda day: day.strftime("%d-%b-%Y"),
    instant=lambda moment: moment.strftime("%Y-%m-%d %H:%M"),
    money=lambda amount: f"{amount:,.2f}",
    flag={True: "Yes", False: "No"},
    codes={
        "policies.line": {"motor_compulsory": "Compulsory TPL", "motor_commercial": "Own damage",
                          "accident": "Personal accident", "health": "Health",
                          "household": "Household", "other": "Other"},
        "policies.private_car": {True: "Private", False: "Commercial"},
    },
    files=(
        File("Policies", "policies", {
            "Policy Number": "policies.policy_id", "Client Ref": "policies.customer_id",
            "Insured Name": "customers.name", "Date of Birth": "customers.birth_date",
            "Contact Number": "customers.phone", "Email": "-made.email",
            "Registration Number": "vehicles.plate", "Chassis Number": "vehicles.vin",
            "Engine Number": "-made.engine", "Make and Model": "-made.brand",
            "Fuel Type": "vehicles.energy", "Seating Capacity": "vehicles.seats",
            "Registration Date": "vehicles.first_registered",
            "Vehicle Value": "vehicles.list_price", "Class of Use": "policies.private_car",
            "Cover Type": "policies.line", "Date Issued": "policies.signed_at",
            "Policy Start Date": "policies.inception", "Policy End Date": "policies.expiry",
            "Date Cancelled": "policies.cancelled_on", "Sum Insured": "policies.sum_insured",
            "Net Premium": "policies.written_premium", "Broker Commission": "-made.commission",
            "Issuing Branch": "policies.branch", "Previous Insurer": "policies.previous_insurer",
        }),
        File("Claims", "claims", {
            "Claim Number": "claims.claim_id", "Policy Number": "claims.policy_id",
            "Date of Loss": "claims.occurred_at", "Date Reported": "claims.reported_at",
            "Loss Type": "claims.kind", "Place of Loss": "-made.place",
            "Injury": "claims.injury", "Insured at Fault": "claims.at_fault",
            "Paid Amount": "sums.paid", "Reserve Amount": "sums.outstanding",
            "Date Closed": "claims.closed_at", "Claim Status": "-made.case_status",
        }),
    ),
)  # fmt: skip

LATE = (PLATFORM, PINYIN, SPANISH, ENGLISH)
