//! The stable error codes, for API clients, plugin authors and log searches. One table; a
//! published code never changes its meaning.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Class of a code; it gives the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is malformed; repeating it will not help.
    Invalid,
    /// Not authenticated.
    Unauthenticated,
    /// Not permitted.
    Forbidden,
    /// Does not exist, or may not be seen.
    NotFound,
    /// Was deleted.
    Gone,
    /// Conflicts with a concurrent change.
    Conflict,
    /// A condition of the request is false.
    Precondition,
    /// Well-formed, but against a rule.
    Unprocessable,
    /// The body is too large.
    TooLarge,
    /// The method is not allowed on this path.
    Method,
    /// Too many requests.
    TooMany,
    /// A dependency is unavailable; retry later.
    Unavailable,
    /// A plugin failed, or gave an invalid answer.
    BadGateway,
    /// An error of the host.
    Internal,
}

impl Class {
    /// The HTTP status of the class.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::Precondition => 412,
            Self::TooLarge => 413,
            Self::Unprocessable => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
        }
    }
}

/// The text is not a code of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a known code")]
pub struct UnknownCode(pub String);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident, $zh:literal, $en:literal;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $en] $name,)*
        }

        impl Code {
    /// Whether it says that nothing more may be done for a patient.
    pub const fn is_of_patient(self) -> bool {
        matches!(self, Self::PatientDeceased | Self::PatientInactive | Self::PatientReplaced)
    }

            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text form: `RX_EXPIRED`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Class of the code.
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// Message for users, in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }

            /// Message for users, in English.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }
        }
    };
}

codes! {
    // Visits.
    EncNoEvidence = "ENC_NO_EVIDENCE", Unprocessable,
        "缺少明确诊断的病历资料，不能在线复诊", "There is no record of an earlier diagnosis, so this cannot be a follow-up.";
    EncEvidenceStale = "ENC_EVIDENCE_STALE", Unprocessable,
        "病历资料已超过有效期", "The record of the earlier diagnosis is too old.";
    EncFollowupUndecided = "ENC_FOLLOWUP_UNDECIDED", Unprocessable,
        "接诊医师尚未判定为复诊", "The treating doctor has not decided that this is a follow-up.";
    EncNewDiagnosis = "ENC_NEW_DIAGNOSIS", Unprocessable,
        "诊断与既往病历不属同一类疾病，须由医师说明理由", "The diagnosis is of another kind than the evidence; the doctor must say why.";
    EncDiagnosisUncoded = "ENC_DIAGNOSIS_UNCODED", Unprocessable,
        "诊断缺少有效的ICD-10编码", "The diagnosis has no valid ICD-10 code.";
    EncIdentity = "ENC_IDENTITY", Unprocessable,
        "实名或人脸核验未通过", "The identity check did not pass.";
    EncGuardianRequired = "ENC_GUARDIAN_REQUIRED", Unprocessable,
        "6岁以下儿童须有监护人和相关专业医师陪伴", "A child under six needs a guardian and a relevant specialist present.";
    EncConsentMissing = "ENC_CONSENT_MISSING", Unprocessable,
        "尚未签署当前版本的知情同意书", "The current informed consent has not been given.";
    EncRedFlag = "ENC_RED_FLAG", Unprocessable,
        "存在危急情况，已停止在线诊疗，请立即线下就医", "A danger sign stopped online care; the patient must be seen in person.";
    EncRedFlagOpen = "ENC_RED_FLAG_OPEN", Conflict,
        "尚有须由医务人员当面确认的事项，暂不能继续",
        "A member of staff must settle something in person first; until then this cannot go on.";
    EncState = "ENC_STATE", Conflict,
        "当前就诊状态不允许此操作", "The visit is not in a state that allows this.";
    AiForbiddenAct = "AI_FORBIDDEN_ACT", Forbidden,
        "人工智能不得代替医师诊疗", "Artificial intelligence must not act in the doctor's place.";

    PatientDeceased = "PATIENT_DECEASED", Unprocessable,
        "患者已去世，不能再诊疗", "The patient has died: nothing more may be done.";
    PatientInactive = "PATIENT_INACTIVE", Unprocessable,
        "患者档案已停用，不能再诊疗", "The record of the patient is not in use.";
    PatientReplaced = "PATIENT_REPLACED", Unprocessable,
        "患者档案已合并到另一档案，请使用新档案", "The record was merged into another of the same person; use that one.";

    // Prescriptions.
    RxNoEncounter = "RX_NO_ENCOUNTER", Unprocessable,
        "没有本医师接诊中的复诊，不能开具处方", "There is no active follow-up with this doctor to prescribe in.";
    RxAiOrigin = "RX_AI_ORIGIN", Forbidden,
        "处方不得由人工智能自动生成", "A prescription must be written by a doctor, not generated.";
    RxForbiddenDrug = "RX_FORBIDDEN_DRUG", Unprocessable,
        "该药品禁止通过网络开具或销售", "This medicine must not be prescribed or sold online.";
    RxDrugUnclassified = "RX_DRUG_UNCLASSIFIED", Unprocessable,
        "该药品缺少编码或成分，须先由药师归类后方可开具", "A pharmacist must classify this medicine before it can be prescribed.";
    FormularyKind = "FORMULARY_KIND", Unprocessable,
        "药品不得以其他类别列入目录或销售", "A medicine must not be listed or sold as another kind of item.";
    RxTooManyItems = "RX_TOO_MANY_ITEMS", Unprocessable,
        "每张处方不得超过5种药品", "A prescription holds at most five medicines.";
    RxAllergy = "RX_ALLERGY", Unprocessable,
        "患者对该药品成分过敏", "The patient is allergic to this medicine.";
    RxDuplicateDrug = "RX_DUPLICATE_DRUG", Unprocessable,
        "处方中已有相同成分的药品", "The prescription already holds this ingredient.";
    RxLineInvalid = "RX_LINE_INVALID", Unprocessable,
        "药品信息不完整或有误", "The line of the prescription is incomplete or wrong.";
    RxQtyExceeded = "RX_QTY_EXCEEDED", Unprocessable,
        "处方用量超过规定", "The quantity exceeds what may be prescribed.";
    RxLongTerm = "RX_LONG_TERM", Unprocessable,
        "不符合长期处方条件", "The conditions of a long-term prescription are not met.";
    RxValidity = "RX_VALIDITY", Unprocessable,
        "处方有效期须为1至3天", "A prescription is valid for one to three days.";
    RxSignatureInvalid = "RX_SIGNATURE_INVALID", Unprocessable,
        "电子签名无效，处方可能已被改动", "The signature does not fit the prescription.";
    RxNotChecked = "RX_NOT_CHECKED", Unprocessable,
        "必需的处方审查未完成", "A required check of this prescription has not been made.";
    RxVetoed = "RX_VETOED", Unprocessable,
        "处方审查未通过", "A check found that this must not be signed as it stands.";
    RxWarningUnacknowledged = "RX_WARNING_UNACKNOWLEDGED", Unprocessable,
        "尚有未确认的用药警示", "A warning has not been acknowledged by the prescriber.";
    RxSelfReview = "RX_SELF_REVIEW", Forbidden,
        "不得审核本人开具的处方", "Nobody may review their own prescription.";
    RxReviewerUnqualified = "RX_REVIEWER_UNQUALIFIED", Forbidden,
        "审方药师资质无效", "The reviewer has no valid pharmacist's credential.";
    RxChecklistIncomplete = "RX_CHECKLIST_INCOMPLETE", Unprocessable,
        "四查十对尚未完成", "The pharmacist's checklist is not complete.";
    RxReasonRequired = "RX_REASON_REQUIRED", Invalid,
        "须填写原因", "A reason is required.";
    RxVersionConflict = "RX_VERSION_CONFLICT", Conflict,
        "处方已有新版本", "The prescription has changed since it was read.";
    RxSecondSign = "RX_SECOND_SIGN", Unprocessable,
        "坚持原处方须注明理由并再次签名", "To insist, the prescriber must give a reason and sign again.";
    RxExpired = "RX_EXPIRED", Unprocessable,
        "处方已过有效期", "The prescription has expired.";
    RxAlreadyUsed = "RX_ALREADY_USED", Conflict,
        "处方已被使用", "The prescription has already been used.";
    RxPatientMismatch = "RX_PATIENT_MISMATCH", Forbidden,
        "购药人与处方患者不符", "The prescription is for somebody else.";
    RxRiskNotice = "RX_RISK_NOTICE", Unprocessable,
        "尚未确认用药风险告知", "The risk notice has not been acknowledged.";
    RxDrugBeforeRx = "RX_DRUG_BEFORE_RX", Unprocessable,
        "不得先药后方", "Medicines cannot be ordered before the prescription is approved.";
    RxInfoHidden = "RX_INFO_HIDDEN", Forbidden,
        "处方审核通过前不展示药品说明书", "The leaflet is shown once a pharmacist has approved the prescription.";
    RxRenewNoEncounter = "RX_RENEW_NO_ENCOUNTER", Unprocessable,
        "续方须重新就诊", "A renewal needs a new visit.";
    RxState = "RX_STATE", Conflict,
        "当前处方状态不允许此操作", "The prescription is not in a state that allows this.";
    DispTraceReused = "DISP_TRACE_REUSED", Conflict,
        "药品追溯码已被使用", "A trace code has been handed out before.";
    DispBatchExpired = "DISP_BATCH_EXPIRED", Unprocessable,
        "药品批次已过期", "The batch is past its expiry date.";
    DispIncomplete = "DISP_INCOMPLETE", Unprocessable,
        "发药内容与处方不一致", "What is handed out is not what was ordered.";
    DispTwoStaff = "DISP_TWO_STAFF", Forbidden,
        "调配与核对须由两人完成", "Two persons must prepare and check a medicine.";
    DelivColdChain = "DELIV_COLD_CHAIN", Unprocessable,
        "冷链药品须使用温度记录仪", "A cold-chain medicine travels with a temperature logger.";
    DelivReceiver = "DELIV_RECEIVER", Forbidden,
        "收件人核验未通过", "The receiver could not be verified.";
    DelivEvidence = "DELIV_EVIDENCE", Invalid,
        "缺少丢失或超温凭证", "Evidence of the loss or temperature breach is missing.";
    RefundDrugNotReturnable = "REFUND_DRUG_NOT_RETURNABLE", Unprocessable,
        "药品一经售出，非质量问题不予退换", "Medicines are taken back only for faults of quality, recall, courier or hospital.";
    AdrIncomplete = "ADR_INCOMPLETE", Invalid,
        "不良反应报告不完整", "The adverse reaction report is incomplete.";

    OrderRequired = "ORDER_REQUIRED", Unprocessable,
        "该项目须由接诊医师开具后方可收费", "It is charged only if a clinician of the visit has ordered it.";
    OrderQtyExceeded = "ORDER_QTY_EXCEEDED", Unprocessable,
        "数量超过医师开具且尚未收费的数量", "It is more than was ordered and is not billed yet.";
    OrderState = "ORDER_STATE", Conflict,
        "当前医嘱状态不允许此操作", "The order is not in a state that allows this.";

    // Money.
    PayState = "PAY_STATE", Conflict,
        "当前支付状态不允许此操作", "The payment is not in a state that allows this.";
    PayIdempotencyConflict = "PAY_IDEMPOTENCY_CONFLICT", Conflict,
        "同一支付请求的内容不一致", "The same payment was requested before with other content.";
    PayAlreadyReversed = "PAY_ALREADY_REVERSED", Conflict,
        "该交易已冲正", "It has been reversed already.";
    PayRefused = "PAY_REFUSED", Unprocessable,
        "支付方拒绝", "The payer refused.";
    PayDue = "PAY_DUE", Conflict,
        "个人应付金额尚未到账", "The patient's share has not been paid yet.";
    CashNoticeInvalid = "CASH_NOTICE_INVALID", Unauthenticated,
        "支付通知验签失败", "The payment notice is not authentic, or too old.";
    CashChannel = "CASH_CHANNEL", Unprocessable,
        "支付渠道未开通或参数有误", "The payment channel is not set up, or refuses what it was asked.";
    ReminderChannel = "REMINDER_CHANNEL", Unprocessable,
        "提醒渠道未开通或参数有误", "The reminder channel is not set up, or refuses what it was asked.";
    ReminderCode = "REMINDER_CODE", Unprocessable,
        "验证码不正确或已失效", "That is not the code, or it can be used no more.";
    ReminderTooMany = "REMINDER_TOO_MANY", TooMany,
        "验证码发送过于频繁，请稍后再试", "Too many codes were sent; try again later.";
    ReminderUnavailable = "REMINDER_UNAVAILABLE", Unavailable,
        "提醒渠道暂不可用，请稍后再试", "The reminder channel does not answer; try again later.";
    ReminderReceiptInvalid = "REMINDER_RECEIPT_INVALID", Unauthenticated,
        "提醒回执验签失败", "The receipt of a reminder is not authentic, or too old.";
    PayUnavailable = "PAY_UNAVAILABLE", Unavailable,
        "支付方暂不可用，未扣款", "The payer does not answer; nothing was charged.";
    PayNoGuarantee = "PAY_NO_GUARANTEE", Conflict,
        "保险公司要求先取得付款担保（预授权）", "The insurer wants a guarantee of payment first.";
    PayQuoteExpired = "PAY_QUOTE_EXPIRED", Conflict,
        "试算已过期，请重新试算", "The quote has expired; ask for another.";
    PayQuoteStale = "PAY_QUOTE_STALE", Conflict,
        "价格、参保信息或累计额已变更，请重新试算", "What the quote rests on has changed; ask for another.";
    PayLaterFirst = "PAY_LATER_FIRST", Conflict,
        "其后结算的账单以本单为基础，请先冲正后一笔", "A bill that was settled later rests on this one; reverse that first.";
    RefundExceeds = "REFUND_EXCEEDS", Unprocessable,
        "退款超过已收金额", "The refund is more than was taken.";
    LedgerUnbalanced = "LEDGER_UNBALANCED", Unprocessable,
        "金额不平", "The amounts do not balance.";
    LedgerClosed = "LEDGER_CLOSED", Conflict,
        "该会计期间已结账", "The books of this month are closed.";
    LedgerNotClosable = "LEDGER_NOT_CLOSABLE", Conflict,
        "该会计期间尚不能结账", "The books of this month cannot be closed yet.";
    ReconBreak = "RECON_BREAK", Conflict,
        "对账不平", "The payer's figures and the books differ.";
    MoneyInvalid = "MONEY_INVALID", Invalid,
        "金额无效", "The amount is not valid.";
    InsPresettleDrift = "INS_PRESETTLE_DRIFT", Conflict,
        "结算金额与预结算不一致，已冲正", "The settlement differs from what the patient confirmed; it is being reversed.";
    BundleDrugLinked = "BUNDLE_DRUG_LINKED", Unprocessable,
        "服务费不得与药品挂钩", "A fee for a service must not depend on medicines.";
    PriceRefused = "PRICE_REFUSED", Unprocessable,
        "该服务不按此方式出售", "The service is not sold like this.";
    PriceState = "PRICE_STATE", Conflict,
        "所购服务的当前状态不允许此操作", "What was bought is not in a state that allows this.";
    CapDuplicate = "CAP_DUPLICATE", Conflict,
        "患者已有牵头机构", "The patient has a lead institution already.";
    CapBackdated = "CAP_BACKDATED", Unprocessable,
        "签约不得倒签", "An enrolment is not backdated.";
    CapRefused = "CAP_REFUSED", Unprocessable,
        "按人头付费方案拒绝签约", "The scheme does not accept the enrolment.";
    CapClosed = "CAP_CLOSED", Conflict,
        "该年度已清算", "The year is closed.";
    CapNotClosable = "CAP_NOT_CLOSABLE", Conflict,
        "该年度尚不能清算", "The year cannot be closed yet.";
    LedgerApproval = "LEDGER_APPROVAL", Forbidden,
        "须由另一名会计复核", "Another accountant must approve it.";

    // Pathways.
    PathwayProposal = "PATHWAY_PROPOSAL", BadGateway,
        "专病路径插件的建议不符合规则", "The pathway plugin proposed something against the rules.";
    PathwayState = "PATHWAY_STATE", Conflict,
        "当前管理状态不允许此操作", "The care item is not in a state that allows this.";
    PathwayReasonRequired = "PATHWAY_REASON_REQUIRED", Invalid,
        "须填写理由", "A written reason is required.";

    PathwayIneligible = "PATHWAY_INELIGIBLE", Unprocessable,
        "患者不符合该专病路径的入组条件", "The patient cannot be enrolled in this pathway.";
    PathwayUndecided = "PATHWAY_UNDECIDED", Unprocessable,
        "专病路径因资料不足无法判断", "The pathway could not decide with what is known.";

    // Measurements.
    MeasurementImplausible = "MEASUREMENT_IMPLAUSIBLE", Unprocessable,
        "测量值超出可能范围，请核对数值和单位", "This value cannot be right; please check the number and its unit.";
    UnitNotUnderstood = "UNIT_NOT_UNDERSTOOD", Unprocessable,
        "无法识别测量值或其单位", "The value or its unit is not understood.";

    // Authentication and authorisation.
    AuthRequired = "AUTH_REQUIRED", Unauthenticated,
        "请先登录", "Please sign in.";
    AuthForbidden = "AUTH_FORBIDDEN", Forbidden,
        "没有权限", "You may not do this.";
    AccessCompartment = "ACCESS_COMPARTMENT", Forbidden,
        "该内容属于受限隔间，未经患者同意不得访问", "This lies in a restricted part of the record, which the patient has not opened to you.";
    ConsentInvalid = "CONSENT_INVALID", Invalid,
        "同意内容无效", "This cannot be consented to.";
    ConsentState = "CONSENT_STATE", Conflict,
        "该同意已被撤回", "The consent has been taken back before.";
    RelationInvalid = "RELATION_INVALID", Unprocessable,
        "亲属或监护关系登记内容无效", "This relation cannot be registered.";
    RelationState = "RELATION_STATE", Conflict,
        "该关系已被撤销", "The relation has been revoked before.";
    OrganisationInvalid = "ORGANISATION_INVALID", Unprocessable,
        "学校或用人单位登记内容无效", "This organisation, or who represents it, cannot be registered.";
    OrganisationState = "ORGANISATION_STATE", Conflict,
        "该学校或用人单位已停用", "The organisation has been closed before.";
    TenantFrozen = "TENANT_FROZEN", Conflict,
        "该机构的档案已移交，只能查阅", "This hospital's records are in another's custody; they are only read.";
    EmergencyAccessReasonRequired = "GLASS_REASON_REQUIRED", Invalid,
        "紧急访问须写明理由", "An emergency needs a written reason.";
    EmergencyAccessState = "GLASS_STATE", Conflict,
        "该紧急访问已评审", "It has been judged before.";
    AuthImpersonation = "AUTH_IMPERSONATION", Forbidden,
        "不得以他人身份发言", "You may not speak as somebody else.";
    AuthSecondFactor = "AUTH_SECOND_FACTOR", Unauthenticated,
        "请输入动态验证码", "The code of the authenticator is missing, wrong or used already.";
    AuthProvider = "AUTH_PROVIDER", BadGateway,
        "统一身份认证服务不可用或应答无效", "The identity provider does not answer, or not as it must.";
    CredInvalid = "CRED_INVALID", Forbidden,
        "执业资质无效或未备案", "The professional credential is missing, unverified, lapsed, suspended or not filed here.";
    CredNumberTaken = "CRED_NUMBER_TAKEN", Conflict,
        "该证件号码已登记在其他账号下", "Another account holds a certificate of this number.";
    CredState = "CRED_STATE", Conflict,
        "该资质已审核，请重新提交", "It has been decided before; submit it anew.";

    VideoUnavailable = "VIDEO_UNAVAILABLE", Unavailable,
        "视频服务未开通", "There is no provider of meetings by video.";

    // Attachments.
    BlobType = "BLOB_TYPE", Unprocessable,
        "附件类型不受支持或与内容不符", "The attachment is of a type that is not taken, or not what it is said to be.";
    BlobInfected = "BLOB_INFECTED", Unprocessable,
        "附件未通过病毒扫描", "Something harmful was found in the attachment.";
    BlobUnscanned = "BLOB_UNSCANNED", Unavailable,
        "附件暂时无法扫描，请稍后再试", "The attachment cannot be looked through now; try again shortly.";

    // Plugins.
    PluginCapability = "PLUGIN_CAPABILITY", Forbidden,
        "插件使用了未授予的能力", "The plugin wants a capability that was not granted.";
    PluginFuel = "PLUGIN_FUEL", BadGateway,
        "插件超出计算时限", "The plugin ran past its deadline.";
    PluginMemory = "PLUGIN_MEMORY", BadGateway,
        "插件超出内存上限", "The plugin wanted more memory than it may have.";
    PluginOutput = "PLUGIN_OUTPUT", BadGateway,
        "插件输出过大或无效", "The plugin's answer is too large or not valid.";
    PluginTrap = "PLUGIN_TRAP", BadGateway,
        "插件运行出错", "The plugin broke while running.";
    PluginTimeout = "PLUGIN_TIMEOUT", BadGateway,
        "插件调用超时", "The call of the plugin took too long.";
    PluginBusy = "PLUGIN_BUSY", Unavailable,
        "插件繁忙，请稍后再试", "The plugin is busy; try again shortly.";
    PluginInvalid = "PLUGIN_INVALID", Invalid,
        "插件包无效", "This is not a valid plugin package.";
    PluginInterface = "PLUGIN_INTERFACE", Invalid,
        "插件接口版本不受支持", "The plugin speaks an interface version that is not served.";
    PluginResting = "PLUGIN_RESTING", Unavailable,
        "插件连续失败，暂停调用，稍后再试", "The plugin failed again and again and is left alone for a while.";
    PluginRecalled = "PLUGIN_RECALLED", Conflict,
        "该插件版本已被召回", "This version of the plugin was recalled and is not called any more.";
    PluginGate = "PLUGIN_GATE", Conflict,
        "候选版本未达到启用门槛", "The candidate has not passed the gate that was set for it.";
    PluginSignature = "PLUGIN_SIGNATURE", Forbidden,
        "插件包缺少本机构要求的签名", "The package lacks signatures that this host requires.";
    PluginTampered = "PLUGIN_TAMPERED", Invalid,
        "插件包与签名不符，可能已被改动", "A signature does not fit the package; one of them has been changed.";
    PluginDowngrade = "PLUGIN_DOWNGRADE", Conflict,
        "插件版本不高于已安装的版本", "The package is not newer than what was installed before.";
    PluginState = "PLUGIN_STATE", Conflict,
        "当前插件状态不允许此操作", "The plugin is not in a state that allows this.";

    // The API and its infrastructure.
    BodyInvalid = "BODY_INVALID", Invalid,
        "请求内容无效", "The request is not valid.";
    BodyTooLarge = "BODY_TOO_LARGE", TooLarge,
        "请求内容过大", "The request is too large.";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", Method,
        "不支持此请求方法", "There is no such method here.";
    FhirInvalid = "FHIR_INVALID", Unprocessable,
        "FHIR资源无效", "The FHIR resource is not valid.";
    NotFound = "NOT_FOUND", NotFound,
        "未找到", "There is no such thing here.";
    Deleted = "DELETED", Gone,
        "该数据已被删除", "It was deleted.";
    PreconditionFailed = "PRECONDITION_FAILED", Precondition,
        "请求所附条件不成立", "What the request made a condition does not hold.";
    AlreadyExists = "ALREADY_EXISTS", Conflict,
        "已存在", "It exists already.";
    VersionConflict = "VERSION_CONFLICT", Conflict,
        "数据已被他人修改，请刷新后重试", "Somebody changed it meanwhile; read it again.";
    RetentionHold = "RETENTION_HOLD", Conflict,
        "尚未到法定保存期限，不得销毁", "It must still be kept by law.";
    RateLimited = "RATE_LIMITED", TooMany,
        "请求过于频繁，请稍后再试", "Too many requests; slow down.";
    RequestTimeout = "REQUEST_TIMEOUT", Unavailable,
        "处理超时，请稍后重试", "It took too long; look whether it was done before you try again.";
    Internal = "INTERNAL", Internal,
        "系统内部错误", "Something went wrong on our side.";
    StoreUnavailable = "STORE_UNAVAILABLE", Unavailable,
        "数据服务暂不可用", "The record store does not answer; try again shortly.";
}

impl Code {
    /// The message in the requested language (BCP 47): Chinese, otherwise English.
    pub fn message(self, language: &str) -> &'static str {
        let primary = language.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") { self.zh() } else { self.en() }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| UnknownCode(text.chars().take(64).collect()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_reads_back_and_is_unique() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for &code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}");
            let json = serde_json::to_string(&code).expect("json");
            assert_eq!(serde_json::from_str::<Code>(&json).expect("code"), code);
        }
        assert!("RX_NONSENSE".parse::<Code>().is_err());
    }

    #[test]
    fn both_languages_say_something_of_their_own() {
        for &code in Code::ALL {
            assert!(!code.zh().is_ascii(), "{code} in Chinese");
            assert!(code.en().is_ascii() && code.en().ends_with('.'), "{code} in English");
        }
        assert_eq!(Code::RxExpired.message("zh-CN"), Code::RxExpired.zh());
        assert_eq!(Code::RxExpired.message("en-GB"), Code::RxExpired.en());
        assert_eq!(Code::RxExpired.message("fr"), Code::RxExpired.en());
    }

    #[test]
    fn status_follows_from_the_class() {
        assert_eq!(Code::RxAlreadyUsed.class().status(), 409);
        assert_eq!(Code::RxSelfReview.class().status(), 403);
        assert_eq!(Code::PluginBusy.class().status(), 503);
    }
}
