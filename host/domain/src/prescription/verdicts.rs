//! What becomes of items of a formulary, one a line: verdict, kind, codes of product and ingredient,
//! title. ATC codes and NHSA drug codes; `-` for none. More than one: the product's, then a `+` before
//! each of the ingredients.

use std::collections::BTreeSet;

use super::{Barred, DrugClass, Product};
use crate::{
    coding::{Coding, system},
    fixture,
    payer::LineKind,
};

/// Injections, by class of substance, brand and form.
const INJECTIONS: &str = "
forbidden     medicine B01AB05 克赛
forbidden     medicine B01AB05 某药
forbidden     medicine V06DX01 克赛
forbidden     medicine V06DX01 依诺肝素钠
forbidden     medicine V06DX01 Clexane 4000 IU
forbidden     medicine V06DX01 速碧林
forbidden     medicine V06DX01 法安明 5000IU
forbidden     medicine L04AB04 修美乐
forbidden     medicine L04AB04 Humira pen
forbidden     medicine V06DX01 Humira pen
forbidden     medicine V06DX01 阿达木单抗
forbidden     medicine V06DX01 格乐立
forbidden     medicine V06DX01 安健宁
forbidden     medicine V06DX01 adalimumab-aaty 40 mg/0.4 mL
forbidden     medicine V06DX01 类克 100mg
forbidden     medicine V06DX01 恩利(Enbrel)
forbidden     medicine V06DX01 益赛普
forbidden     medicine V06DX01 赫赛汀
forbidden     medicine V06DX01 trastuzumab
forbidden     medicine M05BA08 某药
forbidden     medicine V06DX01 唑来膦酸
forbidden     medicine V06DX01 密固达
forbidden     medicine V06DX01 地舒单抗
forbidden     medicine V06DX01 普罗力
forbidden     medicine M05BX04 Prolia
forbidden     medicine M05BX04 某药
forbidden     medicine J01GB03 某药
forbidden     medicine J01GB06 阿米卡星
allowed       medicine J01GB03 硫酸庆大霉素片
allowed       medicine S01AA11 庆大霉素滴眼液
allowed       medicine C05BA03 肝素钠乳膏
allowed       medicine B01AB11 舒洛地特软胶囊
forbidden     medicine V06DX01 某药 预灌封
forbidden     medicine V06DX01 某药 0.5ml 预填充
forbidden     medicine V06DX01 某药(预充式)
forbidden     medicine V06DX01 某药 笔芯 3ml
forbidden     medicine V06DX01 某药注射笔
forbidden     medicine V06DX01 某药 卡式瓶
forbidden     medicine V06DX01 某药自动注射器
forbidden     medicine V06DX01 Something prefilled 20 mg
forbidden     medicine V06DX01 Something 1 vial
forbidden     medicine J01DD04 头孢曲松针
forbidden     medicine J01DD04 头孢曲松 1g
forbidden     medicine J01DH02 美罗培南
forbidden     medicine V06DX01 5%葡萄糖大输液 250ml
forbidden     medicine XJ01DDT055B001010100482 头孢曲松
forbidden     medicine H01CC02 西曲瑞克
forbidden     medicine H01CC01 加尼瑞克
forbidden     medicine H01CC02 思则凯
allowed       medicine H01CC03 艾拉戈利片
forbidden     medicine H01CB02 醋酸奥曲肽
forbidden     medicine H01CA01 戈那瑞林
forbidden     medicine L02AE02 亮丙瑞林微球
forbidden     medicine L01FX25 某药
forbidden     medicine J05AX31 lenacapavir injection
forbidden     medicine N05AX13 善妥达
allowed       medicine N05AX13 帕利哌酮缓释片
allowed       medicine L01CD01 紫杉醇口服溶液
allowed       medicine L03AB05 重组人干扰素α2b喷雾剂
unclassified  medicine A11CC05 某药
unclassified  medicine A11CC05 某药 0.25μg
allowed       medicine A11CC05 某药片
allowed       medicine A11CC05 某药 0.25μg×20片
allowed       medicine XA11CCG023E001010100482 某药
allowed       medicine A10AE04 甘精胰岛素注射液
allowed       medicine A10AE04 来得时 3ml:300单位 预填充笔芯
allowed       medicine A10AB05 诺和锐特充 门冬胰岛素
allowed       medicine XA10AEA001B001010100001+A10AE04 甘精胰岛素注射液
allowed       medicine A10BJ06 司美格鲁肽注射液
allowed       medicine A10BJ06 Ozempic pen 1 mg
allowed       medicine A10BJ02 利拉鲁肽注射液
allowed       medicine A10BJ05 度拉糖肽注射液
allowed       medicine A10BX16 替尔泊肽注射液
allowed       medicine A10BJ08 聚乙二醇洛塞那肽注射液
allowed       medicine A10BJ01 艾塞那肽注射液
allowed       medicine A10BJ07 贝那鲁肽注射液
allowed       medicine A10BJ09 玛仕度肽注射液
allowed       medicine A10BJ09 信尔美 注射笔
forbidden     medicine A10BJ06 注射用头孢曲松钠
forbidden     medicine A10AE04 注射用胸腺法新
forbidden     medicine A10AE04 维生素C注射液
forbidden     medicine J01DD04 司美格鲁肽注射液
forbidden     medicine V06DX01 丹参注射液
allowed       material - 一次性使用无菌注射器 5 mL
allowed       material - 胰岛素注射笔用针头
allowed       material - 诺和笔5 胰岛素注射笔
allowed       material - 一次性使用输液器 带针
allowed       material - 输液港专用无损伤针
allowed       material - 预充式导管冲洗器
allowed       material - 静脉留置针
allowed       material - 输液贴
allowed       material - Insulin injection pen needles
forbidden     material - 头孢曲松注射液
forbidden     other    - 阿达木单抗
forbidden     other    - 修美乐
";

/// Toxic medicines, precursors, opioids, what is listed alone.
const SUBSTANCES: &str = "
forbidden     medicine V06DX01 砒石
forbidden     medicine V06DX01 红砒
forbidden     medicine V06DX01 白砒
forbidden     medicine V06DX01 砒霜
forbidden     medicine V06DX01 水银
forbidden     medicine T000100123 生马钱子
forbidden     medicine T000100123 生川乌
forbidden     medicine T000100123 生草乌
forbidden     medicine T000100123 生白附子
forbidden     medicine T000100123 生附子
forbidden     medicine T000100123 生半夏 10g
forbidden     medicine T000100123 生南星
forbidden     medicine T000100123 生巴豆
forbidden     medicine T000100123 斑蝥
forbidden     medicine T000100123 青娘虫
forbidden     medicine T000100123 红娘虫
forbidden     medicine T000100123 生甘遂
forbidden     medicine T000100123 生狼毒
forbidden     medicine T000100123 生藤黄
forbidden     medicine T000100123 生千金子
forbidden     medicine T000100123 生天仙子
forbidden     medicine T000100123 闹羊花
forbidden     medicine T000100123 雪上一枝蒿
forbidden     medicine T000100123 红升丹
forbidden     medicine T000100123 白降丹
forbidden     medicine T000100123 蟾酥
forbidden     medicine T000100123 洋金花
forbidden     medicine T000100123 红粉
forbidden     medicine T000100123 轻粉
forbidden     medicine T000100123 雄黄
forbidden     medicine T000100123 雄黄粉(水飞)
forbidden     medicine T000100123 川乌
forbidden     medicine T000100123 马钱子 3g
forbidden     other    - 生附子饮片
forbidden     material - 雄黄 500g
allowed       medicine T000100123+V06DX01 制川乌
allowed       medicine T000100123+V06DX01 制附子
allowed       medicine T000100123+V06DX01 黑顺片(附子)
allowed       medicine T000100123+V06DX01 法半夏
allowed       medicine T000100123+V06DX01 姜半夏
allowed       medicine T000100123+V06DX01 胆南星
allowed       medicine T000100123+V06DX01 制天南星
allowed       medicine T000100123+V06DX01 制白附子
allowed       medicine T000100123+V06DX01 巴豆霜
allowed       medicine T000100123+V06DX01 醋甘遂
allowed       medicine T000100123+V06DX01 丹参
allowed       medicine V06DX01 六神丸
allowed       medicine V06DX01 麝香保心丸
allowed       medicine V06DX01 牛黄解毒片
allowed       medicine V06DX01 附子理中丸
allowed       medicine V06DX01 半夏露糖浆
allowed       medicine ZA12AAF0123010100482+V06DX01 复方斑蝥胶囊
allowed       medicine L01XX99 去甲斑蝥素片
forbidden     medicine ZA12AAF0123010100482+V06DX01 雄黄
forbidden     medicine V06DX01 复方斑蝥胶囊
allowed       material - 台式水银血压计
allowed       material - 水银体温计
forbidden     medicine L01XX27 某药
forbidden     medicine V06DX01 注射用A型肉毒毒素
forbidden     medicine V06DX01 乐提葆 100U
allowed       medicine S01FA01 硫酸阿托品眼用凝胶
allowed       medicine A03BB01 氢溴酸东莨菪碱片
forbidden     medicine R01BA01 某药
forbidden     medicine V06DX01 盐酸苯丙醇胺片
forbidden     medicine V06DX01 Phenylpropanolamine 25 mg tablets
forbidden     medicine V06DX01 复方盐酸苯丙醇胺缓释胶囊
forbidden     medicine XR01BAF123E002010100482+V06DX01 复方某胶囊
allowed       medicine R01BA53 复方去氧肾上腺素片
allowed       medicine R01BA03 盐酸去氧肾上腺素片
forbidden     medicine V06DX01 氨麻苯美片
forbidden     medicine V06DX01 泰诺
forbidden     medicine V06DX01 布洛伪麻胶囊
forbidden     medicine ZA01AAA0001010100001+V06DX01 盐酸伪麻黄碱片
allowed       medicine ZA01AAA0001010100001+V06DX01 麻黄碱止咳糖浆(中成药)
allowed       medicine ZA01AAA0001010100001+V06DX01 通宣理肺丸
forbidden     medicine V06DX01 洛芬待因缓释片
forbidden     medicine V06DX01 愈酚待因口服溶液
forbidden     medicine V06DX01 氨酚待因片
forbidden     medicine V06DX01 氨酚双氢可待因片
forbidden     medicine V06DX01 路盖克
forbidden     medicine V06DX01 Ibuprofen and codeine tablets
forbidden     medicine N02AJ08 某药片
forbidden     medicine XN02AJL123A001010100482+V06DX01 某药片
forbidden     medicine XN02AJ06000101+V06DX01 某药片
forbidden     medicine XN05CF02000101+V06DX01 某药片
forbidden     medicine XB01AAH014A001010104871+V06DX01 某药片
allowed       medicine XA10BA02000606+A10BA02 二甲双胍缓释片
allowed       medicine XB01ACA059A007010104871+B01AC06 阿司匹林肠溶片
forbidden     medicine V06DX01+R05DA09+N02BE01 氢溴酸右美沙芬缓释混悬液
forbidden     medicine V06DX01+R05DA09+R06AB04 右美沙芬片(进口)
forbidden     medicine V06DX01+R05DA09+R03CA01 右美沙芬缓释片(儿童装)
forbidden     medicine V06DX01+R05DA09+N02BE01 某药片
allowed       medicine V06DX01+R05DA09+R06AB04 复方氢溴酸右美沙芬糖浆
allowed       medicine V06DX01+R05DA09+R05CA03 愈创甘油醚右美沙芬糖浆
allowed       medicine R05FB02+R05DA09+R05CA03 某药糖浆
forbidden     medicine V06DX01+B01AA03+A10BA02 华法林钠缓释片(进口)
forbidden     medicine V06DX01+N03AF01+N03AG01 卡马西平缓释片(Ⅱ)
forbidden     medicine V06DX01+C01AA05+C03AA03 地高辛片(英国进口)
allowed       medicine G03FB08+G03CA03+G03DB01 芬吗通 复合包装 28片
allowed       medicine M01AB55+M01AB05+A02BB01 双氯芬酸钠米索前列醇肠溶片
";

/// Titles as hospitals write them, of every part of a formulary.
const TITLES: &str = "
forbidden     medicine N02BG10 注射用赖氨匹林
forbidden     medicine B03BA01 维生素B12针 0.5mg
forbidden     medicine V06DX01 0.9%氯化钠 100ml 软袋(输液)
unclassified  medicine B03BA05 弥可保
forbidden     medicine V06DX01 伊匹木单抗 50mg/10ml
forbidden     medicine L04AC05 乌司奴
forbidden     medicine V06DX01 泰它西普
forbidden     medicine J05AX99 艾博韦泰
unclassified  medicine V06DX01 来那卡帕韦 Sunlenca
forbidden     medicine N05AX08 利培酮微球
forbidden     medicine V06DX01 司美格鲁肽 美容针
forbidden     medicine H04AA01 胰高血糖素
allowed       medicine R03BA02 吸入用布地奈德混悬液 2ml:1mg*5支
allowed       medicine R03AK06 舒利迭 沙美特罗替卡松粉吸入剂
allowed       medicine G04BX99 前列地尔乳膏
allowed       medicine C10AA05 立普妥 20mg*7片
unclassified  medicine C10AA05 立普妥 20mg
allowed       medicine C01DA02 硝酸甘油片
unclassified  medicine C01DA02 硝酸甘油
allowed       medicine A07FA01 双歧杆菌三联活菌散
allowed       medicine A06AD65 复方聚乙二醇电解质散(Ⅳ)
allowed       medicine A06AG04 开塞露
allowed       medicine D01AC01 硝酸咪康唑栓
allowed       medicine S01GX09 盐酸奥洛他定滴眼液
allowed       medicine N02BE01 布洛芬混悬滴剂
allowed       medicine V06DX01 京都念慈菴蜜炼川贝枇杷膏
allowed       medicine V06DX01 藿香正气水
unclassified  medicine V06DX01 云南白药
allowed       medicine V06DX01 云南白药气雾剂
allowed       medicine V06DX01 马应龙麝香痔疮膏
allowed       medicine V06DX01 风油精
allowed       medicine V06DX01 三九胃泰颗粒
allowed       medicine V06DX01 安宫牛黄丸
allowed       medicine V06DX01 复方黄黛片
allowed       medicine V06DX01 小活络丸
allowed       medicine V06DX01 平消胶囊
allowed       medicine V06DX01 通痹片
allowed       medicine V06DX01 华蟾素片
forbidden     medicine V06DX01 华蟾素注射液
allowed       medicine V06DX01 消渴丸
allowed       medicine V06DX01 雷公藤多苷片
forbidden     medicine V06DX01 强力枇杷露 罂粟壳
allowed       medicine V06DX01 复方甲氧那明胶囊
forbidden     medicine V06DX01 可非 复方磷酸可待因溶液
forbidden     medicine N02AX02 奇曼丁
allowed       medicine R06AB04 马来酸氯苯那敏片
forbidden     medicine V06DX01 酚麻美敏混悬液(儿童)
allowed       medicine N02BE51 氨酚黄那敏颗粒
forbidden     medicine N02BE51 美扑伪麻片
allowed       medicine N02BE51 复方氨酚烷胺片
allowed       medicine B01AC06 阿司匹林肠溶片
allowed       medicine M05BA04 阿仑膦酸钠片
forbidden     medicine H05BA01 鲑降钙素鼻喷雾剂
allowed       medicine H03AA01 优甲乐 50μg*100片
allowed       medicine L01EB02 吉非替尼片
allowed       medicine L04AA13 来氟米特片
allowed       medicine J05AR20 比克恩丙诺片
allowed       medicine J05AP51 Epclusa tablets
forbidden     medicine N05CM18 dexmedetomidine 200 µg/2 mL vial
allowed       medicine G03AA12 优思明 21片
allowed       medicine G03AD01 左炔诺孕酮片(毓婷)
allowed       medicine G03CA04 雌三醇乳膏
forbidden     medicine G03CA03 雌二醇凝胶
allowed       medicine D11AX01 米诺地尔酊
allowed       medicine V06DX01 红花油
allowed       medicine T000100123+V06DX01 附子 10g
allowed       medicine T000100123+V06DX01 清半夏
allowed       medicine T000100123+V06DX01 石膏 30g
forbidden     medicine T000100123+V06DX01 生草乌(饮片)
allowed       medicine T000100123+V06DX01 制草乌
allowed       medicine T000100123+V06DX01 藤黄
allowed       other - 一次性尿垫
allowed       other - 轮椅
doubtful      other - 褪黑素片
doubtful      other - 汤臣倍健维生素C咀嚼片
doubtful      other - 氨糖软骨素钙片
doubtful      other - 阿胶颗粒
allowed       other - 艾条
allowed       material - 医用冷敷贴
allowed       material - 一次性使用胰岛素注射笔用针头 32G×4mm
allowed       material - 输液泵管路
allowed       material - 一次性使用静脉输液针
allowed       material - 凡士林纱布
allowed       material - 碘伏消毒液
allowed       material - 含氯消毒泡腾片
allowed       material - 透明质酸钠敷料
allowed       material - 医用超声耦合剂
allowed       material - 造口袋 10片装
allowed       material - 防漏膏(造口用)
allowed       material - 氧化锌橡皮膏
allowed       material - 幽门螺杆菌抗体检测试剂盒
allowed       material - 新冠抗原检测试剂盒
allowed       material - 美容丝素蛋白贴
allowed       material - 生物羊膜片
allowed       material - 一次性子宫颈涂片刷
allowed       material - 齿科酸蚀剂
allowed       material - 骨水泥
allowed       material - 口罩 50片
allowed       material - 无水银血压计
allowed       material - 腕带 玫红粉色
allowed       material - 美平 一次性口罩
forbidden     medicine J01DH02 美平
allowed       service - 肉毒素注射
allowed       service - 静脉用药集中调配
allowed       service - 中药熏洗
allowed       service - 中药饮片煎煮费
allowed       service - 胰岛素泵治疗
allowed       service - 人工授精
allowed       service - 骨髓涂片
allowed       service - 放射性碘131治疗
allowed       service - 曲马多血药浓度
allowed       service - 大麻检测
allowed       service - 美沙酮维持治疗
allowed       service - 生长激素测定
allowed       service - 药物敏感试验纸片法
allowed       service - 中药贴敷
allowed       service - 膏方门诊
allowed       service - 静脉注射
allowed       service - 静脉注射液配置费
allowed       service - 化疗药物配制
allowed       service - 小针刀治疗
allowed       service - 氟18F-FDG PET/CT检查
allowed       other - 中药代煎服务
allowed       other - 药品配送费
allowed       other - 流感疫苗接种预约费
allowed       other - 免疫球蛋白IgG测定
forbidden     other    - 佐匹克隆(自费)
forbidden     other    - 佐匹克隆(检验合格)
allowed       material - 皮下注射港
allowed       medicine D01AC02 达克宁
allowed       medicine R03BA05 辅舒酮
allowed       medicine S01EE01 适利达
forbidden     medicine V06DX01 亮丙瑞林 3.75mg 长效微球
forbidden     medicine J01CE01 青霉素钠 80万单位
allowed       medicine J01CE02 青霉素V钾片
forbidden     medicine V06DX01 注射用水
unclassified  medicine B05XX01 生理盐水
doubtful      other    - 维生素B12片
forbidden     other - 九价HPV疫苗
";

/// Items that are not listed as medicines.
const OTHERS: &str = "
forbidden     other    - 佐匹克隆片
forbidden     service  - 佐匹克隆片
forbidden     service  - 思诺思 Stilnox
forbidden     service  N05CF01 某服务费
forbidden     service  -+R05DA09 上门服务费
forbidden     other    - 唑吡坦 10mg
certain       other    A10BA02 护理包
certain       material XA10BAE058A001010100483 护理包
certain       other    - 某保健品 (国药准字 Z20023370)
doubtful      other    - 盐酸二甲双胍片 0.5g×48片
doubtful      other    - 阿莫西林胶囊
doubtful      other    - 小儿氨酚黄那敏颗粒
doubtful      other    - 板蓝根颗粒(10g*20袋)
doubtful      other    - 双黄连口服液
doubtful      other    - 玻璃酸钠滴眼液
doubtful      other    - 糠酸莫米松乳膏
doubtful      other    - Metformin tablets
doubtful      other    - Omeprazole capsules 20 mg
doubtful      other    - 二甲双胍 0.5g
doubtful      material - 奥司他韦
doubtful      service  - 阿莫西林胶囊
doubtful      other    - 六味地黄丸
doubtful      other    - 京万红软膏
doubtful      other    - 深海鱼油软胶囊
doubtful      material - 西罗莫司药物洗脱支架
allowed       other    - 乳清蛋白粉
allowed       other    - 病历复印费
allowed       other    - 助行器租赁
allowed       material - 医用纱布片 10片
allowed       material - 血糖试纸 50片
allowed       material - 尿酮试纸片
allowed       material - 隐形眼镜片
allowed       material - 一次性心电电极片
allowed       material - 酒精棉片 100片/盒
allowed       material - 疝补片
allowed       material - 手术刀片 11#
allowed       material - 高分子石膏
allowed       material - 医用牙膏
allowed       material - 肝素帽
allowed       material - 枸橼酸钠抗凝采血管
allowed       material - 生理性海水鼻腔护理液
allowed       material - Glucose test strips × 50
allowed       service  - 静脉输液费
allowed       service  - 输液港维护
allowed       service  - PICC维护
allowed       service  - 疫苗接种服务费
allowed       other    - 疫苗接种服务费
allowed       other    - 狂犬疫苗接种
allowed       service  - 人血白蛋白输注费
allowed       service  - 肌肉注射费
allowed       service  - 皮下注射
allowed       service  - 血清睾酮测定
allowed       service  - 雌二醇(E2)测定
allowed       other    - 血清睾酮测定
allowed       other    - 雌二醇(E2)测定
allowed       material - 雌二醇(E2)测定试剂盒(化学发光法)
allowed       service  - 血清睾酮
allowed       service  - 地高辛血药浓度测定
allowed       service  - 生长激素激发试验
allowed       service  - 吗啡尿检
allowed       service  - 华法林基因检测
allowed       service  - 青霉素皮试
allowed       service  - 胶囊内镜检查
allowed       service  - 胸部X线摄片
allowed       service  - 病理切片会诊
allowed       service  - 文飞主任 诊查费
";

fn verdict(codes: &str, kind: LineKind, title: &str) -> &'static str {
    let coding = |code: &str| {
        let system = if super::product::is_atc(code) { system::ATC } else { "urn:nhsa" };
        Coding::new(system, code)
    };
    let (product, parts) = codes.split_once('+').map_or((codes, None), |(product, parts)| (product, Some(parts)));
    let product: Vec<Coding> = Some(product).filter(|code| *code != "-").map(coding).into_iter().collect();
    let parts: Vec<Coding> = match parts {
        Some(parts) => parts.split('+').map(coding).collect(),
        None if kind == LineKind::Medicine => {
            product.iter().map(|code| Coding { display: Some(title.to_owned()), ..code.clone() }).collect()
        }
        None => Vec::new(),
    };
    let product = Product::new(kind, title, &product, &parts, &BTreeSet::new());
    match fixture::rules().check_product(&product) {
        Ok(()) => "allowed",
        Err(Barred::Forbidden(_)) => "forbidden",
        Err(Barred::Unclassified(_)) => "unclassified",
        Err(Barred::Kind(_)) => "certain",
        Err(Barred::Doubtful(_)) => "doubtful",
    }
}

#[test]
fn items_of_formularies_are_judged() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for line in
        [INJECTIONS, SUBSTANCES, OTHERS, TITLES].into_iter().flat_map(str::lines).filter(|line| !line.is_empty())
    {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("verdict, kind, codes, title");
        let (expected, kind, codes) = (word(), word(), word());
        let title = line.split_once(codes).expect("it is in the line").1.trim_start();
        assert!(!title.is_empty(), "{line}");
        let kind = match kind {
            "medicine" => LineKind::Medicine,
            "material" => LineKind::Material,
            "service" => LineKind::Service,
            other => {
                assert_eq!(other, "other", "{line}");
                LineKind::Other
            }
        };
        let found = verdict(codes, kind, title);
        if found != expected {
            wrong.push(format!("{line}: {found}"));
        }
        judged += 1;
    }
    assert!(judged > 350, "{judged}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pharmacist_tells_the_form_and_that_a_thing_is_no_medicine() {
    let rules = fixture::rules();
    let atc = [Coding::new(system::ATC, "A11CC05")];
    let classed = |title: &str, classes: &[DrugClass]| {
        let product = Product::new(LineKind::Medicine, title, &atc, &atc, &classes.iter().copied().collect());
        rules.check_product(&product)
    };
    assert!(matches!(classed("某药", &[]), Err(Barred::Unclassified(_))));
    assert_eq!(classed("某药", &[DrugClass::NotInjected]), Ok(()));
    assert_eq!(classed("某药", &[DrugClass::Topical]), Ok(()));
    assert!(matches!(classed("某药", &[DrugClass::Injection]), Err(Barred::Forbidden(_))));
    assert!(matches!(classed("某药注射液", &[DrugClass::NotInjected]), Err(Barred::Forbidden(_))));

    let other = |title: &str, codes: &[Coding]| {
        let product = Product::new(LineKind::Other, title, codes, &[], &BTreeSet::new()).cleared(true);
        rules.check_product(&product)
    };
    assert_eq!(other("深海鱼油软胶囊", &[]), Ok(()));
    assert!(matches!(other("佐匹克隆片", &[]), Err(Barred::Forbidden(_))));
    assert!(matches!(other("深海鱼油软胶囊", &atc), Err(Barred::Kind(_))));
    assert!(matches!(other("某软胶囊 国药准字H20023370", &[]), Err(Barred::Kind(_))));
}
