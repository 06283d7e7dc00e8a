BEGIN TRANSACTION;
CREATE TABLE account (
	id INTEGER NOT NULL, 
	number TEXT NOT NULL, 
	opened_at BIGINT NOT NULL, 
	opening_cash TEXT NOT NULL, 
	cash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "account" VALUES(1,'PA3STORY0001',1614695400000000000,'100000','10448.22');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE alerts (
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	level TEXT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE cycles (
	cycle_id TEXT NOT NULL, 
	session TEXT NOT NULL, 
	status TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	ended_at BIGINT, 
	trades BIGINT NOT NULL, 
	trades_filled BIGINT NOT NULL, 
	reasons TEXT NOT NULL, 
	equity TEXT, 
	turnover TEXT, 
	spread_cost TEXT, 
	PRIMARY KEY (cycle_id)
)
 WITHOUT ROWID

;
INSERT INTO "cycles" VALUES('20210302','2021-03-02','finished',1614717900000000000,2,1614718440000000000,2,2,'[]','100000','0.898582','11.52');
INSERT INTO "cycles" VALUES('20210303','2021-03-03','finished',1614804300000000000,28,1614804840000000000,2,2,'[]','102247.34','0.003057879','0.04');
CREATE TABLE days (
	session TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	cash TEXT NOT NULL, 
	equity TEXT NOT NULL, 
	realised TEXT NOT NULL, 
	unrealised TEXT NOT NULL, 
	marks TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (session)
)
 WITHOUT ROWID

;
INSERT INTO "days" VALUES('2021-03-02',1614718800000000000,'10135.58','100534.93','0','534.93','{"KO":"145.29","XOM":"160.58"}',27);
INSERT INTO "days" VALUES('2021-03-03',1614805200000000000,'10448.22','102405.38','7.68','2397.7','{"KO":"148.43","XOM":"163.86"}',50);
CREATE TABLE fills (
	client_order_id TEXT NOT NULL, 
	cum_before TEXT NOT NULL, 
	cum_after TEXT NOT NULL, 
	cycle_id TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	side TEXT NOT NULL, 
	shares TEXT NOT NULL, 
	price TEXT NOT NULL, 
	amount TEXT NOT NULL, 
	realised TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (client_order_id, cum_before)
)
 WITHOUT ROWID

;
INSERT INTO "fills" VALUES('alc-20210302-KO-b-0','0','22','20210302','KO','buy','22','145.74','-3206.28','0',1614717923941335036,10);
INSERT INTO "fills" VALUES('alc-20210302-KO-b-0','22','45','20210302','KO','buy','23','145.74','-3352.02','0',1614717923941335059,11);
INSERT INTO "fills" VALUES('alc-20210302-KO-b-1','0','46','20210302','KO','buy','46','145.74','-6704.04','0',1614718103941335060,15);
INSERT INTO "fills" VALUES('alc-20210302-KO-b-1','46','92','20210302','KO','buy','46','145.75','-6704.5','0',1614718103941335106,16);
INSERT INTO "fills" VALUES('alc-20210302-XOM-b-0','0','439','20210302','XOM','buy','439','159.22','-69897.58','0',1614718119645993783,22);
INSERT INTO "fills" VALUES('alc-20210303-KO-s-1','0','1','20210303','KO','sell','1','149.47','149.47','3.73',1614804490655305002,39);
INSERT INTO "fills" VALUES('alc-20210303-XOM-s-0','0','1','20210303','XOM','sell','1','163.17','163.17','3.95',1614804516896009820,45);
CREATE TABLE journal (
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "journal" VALUES(1,1614695400000000000,'account_opened','{"kind":"account_opened","at":1614695400000000000,"number":"PA3STORY0001","cash":"100000","holdings":[],"activities":[]}','53ce0d26e13eb7431763fc669a82c22e80419ad02dbba11b51bdba9fd7fe5b3b');
INSERT INTO "journal" VALUES(2,1614717900000000000,'cycle_started','{"kind":"cycle_started","at":1614717900000000000,"cycle_id":"20210302","session":"2021-03-02","closes_at":1614718800000000000}','2255b126878c338e47f7ad89852179ef5c31b49aa33c9b1f4ef486f7df0aac57');
INSERT INTO "journal" VALUES(3,1614717900000000000,'signal_formed','{"kind":"signal_formed","at":1614717900000000000,"cycle_id":"20210302","signal":{"strategy":"momentum","at":1614717900000000000,"weights":{"KO":"0.200000000","XOM":"0.200000000"},"reasons":{}}}','c9e3501153235f9cf0437eb37c6920ee29b383a80bfd97f2a5fab01b631fa4d2');
INSERT INTO "journal" VALUES(4,1614717900000000000,'signal_formed','{"kind":"signal_formed","at":1614717900000000000,"cycle_id":"20210302","signal":{"strategy":"inverse-volatility","at":1614717900000000000,"weights":{"XOM":"0.500000000"},"reasons":{}}}','ab39329e17060ff1d6399ea2b3fd260a489db46bd959ce1aa8395ac7480a2a87');
INSERT INTO "journal" VALUES(5,1614717900000000000,'target_set','{"kind":"target_set","at":1614717900000000000,"cycle_id":"20210302","target":{"weights":{"KO":"0.200000000","XOM":"0.700000000"},"contributions":{"inverse-volatility":{"XOM":"0.500000000"},"momentum":{"KO":"0.200000000","XOM":"0.200000000"}}}}','5acb934d690458ce3edc0bfbd6b4b6cd99b7c70c2d50fc1316b71ec427a73ee2');
INSERT INTO "journal" VALUES(6,1614717900000000000,'plan_built','{"kind":"plan_built","at":1614717900000000000,"cycle_id":"20210302","plan":{"cycle_id":"20210302","equity":"100000.00","trades":[{"symbol":"KO","side":"buy","shares":"137","arrival_price":"145.73","far_price":"145.75"},{"symbol":"XOM","side":"buy","shares":"439","arrival_price":"159.21","far_price":"159.23"}],"turnover":"0.898582000","spread_cost":"11.52","dust":[]}}','a3f104f18c83db3b787db61d8aa2b4bc347a4b054f7bbe636ba616cb5f6c9e29');
INSERT INTO "journal" VALUES(7,1614717900000000000,'trade_approved','{"kind":"trade_approved","at":1614717900000000000,"cycle_id":"20210302","trade":{"symbol":"KO","side":"buy","shares":"137","arrival_price":"145.73","far_price":"145.75"}}','05797a9bf190ba028f499370400e34fea0b37e793c695c4516be8810590b5e15');
INSERT INTO "journal" VALUES(8,1614717921941335014,'order_intended','{"kind":"order_intended","at":1614717921941335014,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","type":"limit","time_in_force":"day","limit_price":"145.74","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"145.72","not_after":0}','a5d3c4e48fd4b11409b61606f9f560db590809caacb67131bb8018a5f9876a73');
INSERT INTO "journal" VALUES(9,1614717922941335014,'order_reported','{"kind":"order_reported","at":1614717922941335014,"report":{"client_order_id":"alc-20210302-KO-b-0","broker_order_id":"broker-alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","status":"new","filled":"0","at":1614717922941335014,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','6fa795b0579b6b1c994d8ba14bdf6485ee438eb90ae45ac0d142c5c5350c3de6');
INSERT INTO "journal" VALUES(10,1614717923941335036,'fill_booked','{"kind":"fill_booked","at":1614717923941335036,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","cum_before":"0","cum_after":"22","price":"145.74","at":1614717923941335036,"source":"stream"}}','22d8af7a418b5cbc1b2da23e95a514270bd080ff6a6fec7917c5c93eff6dfe55');
INSERT INTO "journal" VALUES(11,1614717923941335059,'fill_booked','{"kind":"fill_booked","at":1614717923941335059,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","cum_before":"22","cum_after":"45","price":"145.74","at":1614717923941335059,"source":"stream"}}','2fe31b3a7840ed0a85ddf3b4ee725f071fa5651cf83d324135baf439333a2276');
INSERT INTO "journal" VALUES(12,1614717941941335014,'order_reported','{"kind":"order_reported","at":1614717941941335014,"report":{"client_order_id":"alc-20210302-KO-b-0","broker_order_id":"broker-alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","status":"canceled","filled":"45","at":1614717941941335014,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','b77af2934988a24659ce60b1e7a67b746db799908866581ca0f7baf86f71e95d');
INSERT INTO "journal" VALUES(13,1614718101941335014,'order_intended','{"kind":"order_intended","at":1614718101941335014,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","type":"limit","time_in_force":"day","limit_price":"145.75","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"145.73","not_after":0}','b23a7727195a9a04bda8299531f15d7913b16c71872c99dcab3e7245b5917bed');
INSERT INTO "journal" VALUES(14,1614718102941335014,'order_reported','{"kind":"order_reported","at":1614718102941335014,"report":{"client_order_id":"alc-20210302-KO-b-1","broker_order_id":"broker-alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","status":"new","filled":"0","at":1614718102941335014,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','205fc00ce570d6ed89cc0a9b89992a965d62389d1624e25a161f167c33e0855a');
INSERT INTO "journal" VALUES(15,1614718103941335060,'fill_booked','{"kind":"fill_booked","at":1614718103941335060,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","cum_before":"0","cum_after":"46","price":"145.74","at":1614718103941335060,"source":"stream"}}','76d5008a19a99d4740b5cc4dc095e146216d20680116064f3e910a371a6fe622');
INSERT INTO "journal" VALUES(16,1614718103941335106,'fill_booked','{"kind":"fill_booked","at":1614718103941335106,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","cum_before":"46","cum_after":"92","price":"145.75","at":1614718103941335106,"source":"stream"}}','9e8c93bb07b7f74c79476657cca7643a2e956e1f435c7b3c3bead9d58ed61d85');
INSERT INTO "journal" VALUES(17,1614718121941335014,'order_reported','{"kind":"order_reported","at":1614718121941335014,"report":{"client_order_id":"alc-20210302-KO-b-1","broker_order_id":"broker-alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","status":"filled","filled":"92","at":1614718121941335014,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','82069d9dd8f65e02d99e92d966393a9632260415a954ff17f7b79a7019a3286e');
INSERT INTO "journal" VALUES(18,1614718161941335014,'trade_ended','{"kind":"trade_ended","at":1614718161941335014,"cycle_id":"20210302","symbol":"KO","filled":"137","outcome":"filled"}','750f1f02f97bd0a45bfb9c79247151a4519f7c81f69600a3b040c5a7177da00c');
INSERT INTO "journal" VALUES(19,1614717900000000000,'trade_approved','{"kind":"trade_approved","at":1614717900000000000,"cycle_id":"20210302","trade":{"symbol":"XOM","side":"buy","shares":"439","arrival_price":"159.21","far_price":"159.23"}}','048f2255643c0d0db4892c64ea60b342f22f6870045cabaee4cfc7edc526d62e');
INSERT INTO "journal" VALUES(20,1614718117645993344,'order_intended','{"kind":"order_intended","at":1614718117645993344,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","type":"limit","time_in_force":"day","limit_price":"159.22","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"159.18","not_after":0}','db8b477891ef9f8354f1fbe7ade726942b1fbd59394583af267a47ba4a357c8c');
INSERT INTO "journal" VALUES(21,1614718118645993344,'order_reported','{"kind":"order_reported","at":1614718118645993344,"report":{"client_order_id":"alc-20210302-XOM-b-0","broker_order_id":"broker-alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","status":"new","filled":"0","at":1614718118645993344,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','4a7bd9986183f5d2daebcd763796245c2085589a4db247a932dfc2aef962b8d6');
INSERT INTO "journal" VALUES(22,1614718119645993783,'fill_booked','{"kind":"fill_booked","at":1614718119645993783,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","cum_before":"0","cum_after":"439","price":"159.22","at":1614718119645993783,"source":"stream"}}','847db9cd3a33893eea7cb7f8e81228befee7ff25c2be50d8657ea6448438b54f');
INSERT INTO "journal" VALUES(23,1614718137645993344,'order_reported','{"kind":"order_reported","at":1614718137645993344,"report":{"client_order_id":"alc-20210302-XOM-b-0","broker_order_id":"broker-alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","status":"filled","filled":"439","at":1614718137645993344,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','0ddc7ee0634c44b97b95884de140282b7aa57b2ebfce7eaafd65c065ff24898d');
INSERT INTO "journal" VALUES(24,1614718177645993344,'trade_ended','{"kind":"trade_ended","at":1614718177645993344,"cycle_id":"20210302","symbol":"XOM","filled":"439","outcome":"filled"}','151f97987b6ea07d17d127f1b41cfc3391180b447246c9e95254e5c65c3ddd08');
INSERT INTO "journal" VALUES(25,1614718440000000000,'cycle_finished','{"kind":"cycle_finished","at":1614718440000000000,"cycle_id":"20210302","trades":2,"trades_filled":2}','f5c1ec9290a662e0e19d227ede257475c61020781dfe2f5d7cd31be09597fee9');
INSERT INTO "journal" VALUES(26,1614718800000000000,'reconciled','{"kind":"reconciled","at":1614718800000000000,"purpose":"close","differences":[],"cash":"10135.58","equity":"100534.93"}','82e62f03acd091922175f34349e19769c3c91b9cfb7b9b9515573b47a4bff3df');
INSERT INTO "journal" VALUES(27,1614718800000000000,'day_closed','{"kind":"day_closed","at":1614718800000000000,"session":"2021-03-02","cash":"10135.58","equity":"100534.93","realised":"0","unrealised":"534.93","marks":{"KO":"145.29","XOM":"160.58"}}','5a590fc30ab4bb2636edb0ea0e7cddebad735b428abf6469a62fd89c926e2b3f');
INSERT INTO "journal" VALUES(28,1614804300000000000,'cycle_started','{"kind":"cycle_started","at":1614804300000000000,"cycle_id":"20210303","session":"2021-03-03","closes_at":1614805200000000000}','8350450c3f3caebb547ace869fdd5d0e46f37b7d6ee963561a4b287a162f2607');
INSERT INTO "journal" VALUES(29,1614804300000000000,'signal_formed','{"kind":"signal_formed","at":1614804300000000000,"cycle_id":"20210303","signal":{"strategy":"momentum","at":1614804300000000000,"weights":{"KO":"0.200000000","XOM":"0.200000000"},"reasons":{}}}','a89fec96d5f5ea8219492a64069899b8646c2bf90ee08300123d841e0c8124f9');
INSERT INTO "journal" VALUES(30,1614804300000000000,'signal_formed','{"kind":"signal_formed","at":1614804300000000000,"cycle_id":"20210303","signal":{"strategy":"inverse-volatility","at":1614804300000000000,"weights":{"XOM":"0.500000000"},"reasons":{}}}','49e5046149052e7e0cb61ed70696732423362e1bc8c336680cf7b80b03114995');
INSERT INTO "journal" VALUES(31,1614804300000000000,'target_set','{"kind":"target_set","at":1614804300000000000,"cycle_id":"20210303","target":{"weights":{"KO":"0.200000000","XOM":"0.700000000"},"contributions":{"inverse-volatility":{"XOM":"0.500000000"},"momentum":{"KO":"0.200000000","XOM":"0.200000000"}}}}','17ed16b660d82bf0d77c9390f4d6803255cc96b6599f00c2d4e71db8cd0ed58d');
INSERT INTO "journal" VALUES(32,1614804300000000000,'plan_built','{"kind":"plan_built","at":1614804300000000000,"cycle_id":"20210303","plan":{"cycle_id":"20210303","equity":"102247.34","trades":[{"symbol":"KO","side":"sell","shares":"1","arrival_price":"149.49","far_price":"149.47"},{"symbol":"XOM","side":"sell","shares":"1","arrival_price":"163.17","far_price":"163.15"}],"turnover":"0.003057879","spread_cost":"0.04","dust":[]}}','189621b24b115136ed7746060bba2dc755ba5662dfb781da96b57c7518b95a01');
INSERT INTO "journal" VALUES(33,1614804300000000000,'trade_approved','{"kind":"trade_approved","at":1614804300000000000,"cycle_id":"20210303","trade":{"symbol":"KO","side":"sell","shares":"1","arrival_price":"149.49","far_price":"149.47"}}','832889d6fcb004a05f154d3a02b3051205b3e9150df622c0701bf0a4f48807e1');
INSERT INTO "journal" VALUES(34,1614804308655305001,'order_intended','{"kind":"order_intended","at":1614804308655305001,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"149.48","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"149.48","not_after":0}','fdf0bb1562522ff51a3d7a0b1b5fe8e8e9ad519d3b189a76f759146044163e0d');
INSERT INTO "journal" VALUES(35,1614804309655305001,'order_reported','{"kind":"order_reported","at":1614804309655305001,"report":{"client_order_id":"alc-20210303-KO-s-0","broker_order_id":"broker-alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","status":"new","filled":"0","at":1614804309655305001,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','e9e49066d63b5ade9496c5191818075a8416981f061723a8515975eabb771b2a');
INSERT INTO "journal" VALUES(36,1614804328655305001,'order_reported','{"kind":"order_reported","at":1614804328655305001,"report":{"client_order_id":"alc-20210303-KO-s-0","broker_order_id":"broker-alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","status":"canceled","filled":"0","at":1614804328655305001,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','b036c3ea4915bf51a37b5149dadc8c28d3fefa66362acd24718fc70b594b8772');
INSERT INTO "journal" VALUES(37,1614804488655305001,'order_intended','{"kind":"order_intended","at":1614804488655305001,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"149.47","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"149.47","not_after":0}','31304cdeb8096642cde2af200490c4a7df2620f675ef23b349e5225d2e4717d1');
INSERT INTO "journal" VALUES(38,1614804489655305001,'order_reported','{"kind":"order_reported","at":1614804489655305001,"report":{"client_order_id":"alc-20210303-KO-s-1","broker_order_id":"broker-alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","status":"new","filled":"0","at":1614804489655305001,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','4fd8a71207d37e7be11ab00906f8904ed605786038a25f268117146c317e33b4');
INSERT INTO "journal" VALUES(39,1614804490655305002,'fill_booked','{"kind":"fill_booked","at":1614804490655305002,"cycle_id":"20210303","fill":{"client_order_id":"alc-20210303-KO-s-1","symbol":"KO","side":"sell","cum_before":"0","cum_after":"1","price":"149.47","at":1614804490655305002,"source":"stream"}}','c33eca39d18fc6bb7627e7f0ccbbd82c7a47afd80c371c298b38dcc78404a072');
INSERT INTO "journal" VALUES(40,1614804508655305001,'order_reported','{"kind":"order_reported","at":1614804508655305001,"report":{"client_order_id":"alc-20210303-KO-s-1","broker_order_id":"broker-alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","status":"filled","filled":"1","at":1614804508655305001,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','7fade72b7205edafe200e4a1f9ebe4f75f532d64b348597d125474e9ed8ce2c5');
INSERT INTO "journal" VALUES(41,1614804548655305001,'trade_ended','{"kind":"trade_ended","at":1614804548655305001,"cycle_id":"20210303","symbol":"KO","filled":"1","outcome":"filled"}','80cf62f6adacc7642cacca63dcac186aa6dd52d04a382ee4d7a7d593a003feab');
INSERT INTO "journal" VALUES(42,1614804300000000000,'trade_approved','{"kind":"trade_approved","at":1614804300000000000,"cycle_id":"20210303","trade":{"symbol":"XOM","side":"sell","shares":"1","arrival_price":"163.17","far_price":"163.15"}}','4b63a36bc5ed755dc2d68c7f564bb582c089fd8bcf099dd0f7fe380c846fcae8');
INSERT INTO "journal" VALUES(43,1614804514896009819,'order_intended','{"kind":"order_intended","at":1614804514896009819,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"163.16","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"163.22","not_after":0}','8687134c10dd433c9128840e34142fd19a4152b59a05f02b96302d2d5839c578');
INSERT INTO "journal" VALUES(44,1614804515896009819,'order_reported','{"kind":"order_reported","at":1614804515896009819,"report":{"client_order_id":"alc-20210303-XOM-s-0","broker_order_id":"broker-alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","status":"new","filled":"0","at":1614804515896009819,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','89a195a79671730d5581dc1445a20f7a520840e1ab68ab23a5bf4de06fefb00f');
INSERT INTO "journal" VALUES(45,1614804516896009820,'fill_booked','{"kind":"fill_booked","at":1614804516896009820,"cycle_id":"20210303","fill":{"client_order_id":"alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","cum_before":"0","cum_after":"1","price":"163.17","at":1614804516896009820,"source":"stream"}}','7910f24009a201738196d36bd36d1326e79a6eed0b1e480c5cfb135749bfc2a3');
INSERT INTO "journal" VALUES(46,1614804534896009819,'order_reported','{"kind":"order_reported","at":1614804534896009819,"report":{"client_order_id":"alc-20210303-XOM-s-0","broker_order_id":"broker-alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","status":"filled","filled":"1","at":1614804534896009819,"reason":"","average_price":null,"kin":null,"price":null,"notional":null},"evidence":null}','4907241e1a974915135535266853c6ad7d2a01d42b42ecd9def5ddcbe333fd02');
INSERT INTO "journal" VALUES(47,1614804574896009819,'trade_ended','{"kind":"trade_ended","at":1614804574896009819,"cycle_id":"20210303","symbol":"XOM","filled":"1","outcome":"filled"}','dbe231a6946ff7651affe2ecf909d156557d04dcd3e56e9534baa2e24b51f72b');
INSERT INTO "journal" VALUES(48,1614804840000000000,'cycle_finished','{"kind":"cycle_finished","at":1614804840000000000,"cycle_id":"20210303","trades":2,"trades_filled":2}','6813aa617d1b64883123dcfc276bd18e93d25f7fa35dbaa664beea3b7f2191de');
INSERT INTO "journal" VALUES(49,1614805200000000000,'reconciled','{"kind":"reconciled","at":1614805200000000000,"purpose":"close","differences":[],"cash":"10448.22","equity":"102405.38"}','56a2cd0955708538021542ce0864b54314c8d3a34357c54ff2aec3c8930ddce8');
INSERT INTO "journal" VALUES(50,1614805200000000000,'day_closed','{"kind":"day_closed","at":1614805200000000000,"session":"2021-03-03","cash":"10448.22","equity":"102405.38","realised":"7.68","unrealised":"2397.70","marks":{"KO":"148.43","XOM":"163.86"}}','b2a23014f91746958624f19aa0863fae9bdb4aa98fa2e8da0e5d5fb6470fe13d');
CREATE TABLE lease (
	id INTEGER NOT NULL, 
	epoch BIGINT NOT NULL, 
	owner TEXT NOT NULL, 
	process TEXT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	version TEXT NOT NULL, 
	config_hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "lease" VALUES(1,1,'process 25426 on vm','{"host":"vm","place":"1103f540-811a-4e8a-a8c4-a22560d70003 pid:[4026531836]","pid":25426,"started":"2693679"}',0,'','');
CREATE TABLE orders (
	client_order_id TEXT NOT NULL, 
	broker_order_id TEXT NOT NULL, 
	cycle_id TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	side TEXT NOT NULL, 
	shares TEXT NOT NULL, 
	type TEXT, 
	limit_price TEXT, 
	stop_price TEXT, 
	status TEXT NOT NULL, 
	intended_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	middle TEXT, 
	filled TEXT NOT NULL, 
	filled_value TEXT NOT NULL, 
	average_price TEXT, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (client_order_id)
)
 WITHOUT ROWID

;
INSERT INTO "orders" VALUES('alc-20210302-KO-b-0','broker-alc-20210302-KO-b-0','20210302','KO','buy','137','limit','145.74',NULL,'canceled',1614717921941335014,1614717941941335014,8,'145.72','45','6558.3','145.74','');
INSERT INTO "orders" VALUES('alc-20210302-KO-b-1','broker-alc-20210302-KO-b-1','20210302','KO','buy','92','limit','145.75',NULL,'filled',1614718101941335014,1614718121941335014,13,'145.73','92','13408.54','145.745','');
INSERT INTO "orders" VALUES('alc-20210302-XOM-b-0','broker-alc-20210302-XOM-b-0','20210302','XOM','buy','439','limit','159.22',NULL,'filled',1614718117645993344,1614718137645993344,20,'159.18','439','69897.58','159.22','');
INSERT INTO "orders" VALUES('alc-20210303-KO-s-0','broker-alc-20210303-KO-s-0','20210303','KO','sell','1','limit','149.48',NULL,'canceled',1614804308655305001,1614804328655305001,34,'149.48','0','0',NULL,'');
INSERT INTO "orders" VALUES('alc-20210303-KO-s-1','broker-alc-20210303-KO-s-1','20210303','KO','sell','1','limit','149.47',NULL,'filled',1614804488655305001,1614804508655305001,37,'149.47','1','149.47','149.47','');
INSERT INTO "orders" VALUES('alc-20210303-XOM-s-0','broker-alc-20210303-XOM-s-0','20210303','XOM','sell','1','limit','163.16',NULL,'filled',1614804514896009819,1614804534896009819,43,'163.22','1','163.17','163.17','');
CREATE TABLE positions (
	symbol TEXT NOT NULL, 
	shares TEXT NOT NULL, 
	cost TEXT NOT NULL, 
	realised TEXT NOT NULL, 
	lots TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (symbol)
)
 WITHOUT ROWID

;
INSERT INTO "positions" VALUES('KO','136','19821.1','3.73','[{"shares":"21","price":"145.74"},{"shares":"23","price":"145.74"},{"shares":"46","price":"145.74"},{"shares":"46","price":"145.75"}]',1614804490655305002);
INSERT INTO "positions" VALUES('XOM','438','69738.36','3.95','[{"shares":"438","price":"159.22"}]',1614804516896009820);
CREATE TABLE projection (
	id INTEGER NOT NULL, 
	version BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "projection" VALUES(1,1,50,'b2a23014f91746958624f19aa0863fae9bdb4aa98fa2e8da0e5d5fb6470fe13d');
CREATE TABLE reconciliations (
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	purpose TEXT NOT NULL, 
	differences TEXT NOT NULL, 
	cash TEXT NOT NULL, 
	equity TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "reconciliations" VALUES(26,1614718800000000000,'close','[]','10135.58','100534.93');
INSERT INTO "reconciliations" VALUES(49,1614805200000000000,'close','[]','10448.22','102405.38');
CREATE TABLE trades (
	cycle_id TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	status TEXT NOT NULL, 
	side TEXT NOT NULL, 
	shares TEXT NOT NULL, 
	arrival_price TEXT NOT NULL, 
	far_price TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	filled TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	code TEXT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (cycle_id, symbol)
)
 WITHOUT ROWID

;
INSERT INTO "trades" VALUES('20210302','KO','ended','buy','137','145.73','145.75',7,'137','filled','','');
INSERT INTO "trades" VALUES('20210302','XOM','ended','buy','439','159.21','159.23',19,'439','filled','','');
INSERT INTO "trades" VALUES('20210303','KO','ended','sell','1','149.49','149.47',33,'1','filled','','');
INSERT INTO "trades" VALUES('20210303','XOM','ended','sell','1','163.17','163.15',42,'1','filled','','');
COMMIT;
