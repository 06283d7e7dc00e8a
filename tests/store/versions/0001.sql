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
INSERT INTO "alembic_version" VALUES('0001');
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
INSERT INTO "journal" VALUES(1,1614695400000000000,'account_opened','{"kind":"account_opened","at":1614695400000000000,"number":"PA3STORY0001","cash":"100000","holdings":[]}','733e3d07d044ffd9b995b301101242fe6891527bc5ddf595c47723afa8bd2627');
INSERT INTO "journal" VALUES(2,1614717900000000000,'cycle_started','{"kind":"cycle_started","at":1614717900000000000,"cycle_id":"20210302","session":"2021-03-02","closes_at":1614718800000000000}','e3ae42475108094b705c7bb48a3e33d7b7cd7e3791b403b1b70bc8168c03cf6e');
INSERT INTO "journal" VALUES(3,1614717900000000000,'signal_formed','{"kind":"signal_formed","at":1614717900000000000,"cycle_id":"20210302","signal":{"strategy":"momentum","at":1614717900000000000,"weights":{"KO":"0.200000000","XOM":"0.200000000"},"reasons":{}}}','caf58035b1b80062884e4f472311fef4579d26fc4468a586eb86137e2b9f6340');
INSERT INTO "journal" VALUES(4,1614717900000000000,'signal_formed','{"kind":"signal_formed","at":1614717900000000000,"cycle_id":"20210302","signal":{"strategy":"inverse-volatility","at":1614717900000000000,"weights":{"XOM":"0.500000000"},"reasons":{}}}','dc51447695d9f70882e67e7a78d83c35b10b9d81ef8ad63e234286187e4f86e5');
INSERT INTO "journal" VALUES(5,1614717900000000000,'target_set','{"kind":"target_set","at":1614717900000000000,"cycle_id":"20210302","target":{"weights":{"KO":"0.200000000","XOM":"0.700000000"},"contributions":{"inverse-volatility":{"XOM":"0.500000000"},"momentum":{"KO":"0.200000000","XOM":"0.200000000"}}}}','36283724aaec76f3d74079ef1d70da0537fd69d00a16057a5ac842fb8d3b296f');
INSERT INTO "journal" VALUES(6,1614717900000000000,'plan_built','{"kind":"plan_built","at":1614717900000000000,"cycle_id":"20210302","plan":{"cycle_id":"20210302","equity":"100000.00","trades":[{"symbol":"KO","side":"buy","shares":"137","arrival_price":"145.73","far_price":"145.75"},{"symbol":"XOM","side":"buy","shares":"439","arrival_price":"159.21","far_price":"159.23"}],"turnover":"0.898582000","spread_cost":"11.52","dust":[]}}','42c9a6cace0b09fa471819fa055959c2d03606e5af796102f938a82cf008523b');
INSERT INTO "journal" VALUES(7,1614717900000000000,'trade_approved','{"kind":"trade_approved","at":1614717900000000000,"cycle_id":"20210302","trade":{"symbol":"KO","side":"buy","shares":"137","arrival_price":"145.73","far_price":"145.75"}}','febede9910af1546c27c608deeac8dab32ad8984da428d083235845789f2d707');
INSERT INTO "journal" VALUES(8,1614717921941335014,'order_intended','{"kind":"order_intended","at":1614717921941335014,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","type":"limit","time_in_force":"day","limit_price":"145.74","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"145.72"}','ea089912d91d5d1c2be550bfd81a110d348624c2146087e6630c701545258112');
INSERT INTO "journal" VALUES(9,1614717922941335014,'order_reported','{"kind":"order_reported","at":1614717922941335014,"report":{"client_order_id":"alc-20210302-KO-b-0","broker_order_id":"broker-alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","status":"new","filled":"0","at":1614717922941335014,"reason":""}}','e5970c09ea9cbd6f6004df1a5c48fe30131ef1431ea1624f7d07c4c897bcdf9b');
INSERT INTO "journal" VALUES(10,1614717923941335036,'fill_booked','{"kind":"fill_booked","at":1614717923941335036,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","cum_before":"0","cum_after":"22","price":"145.74","at":1614717923941335036}}','71f5c33af43ada470a1e6db1eea718c754de93ac833b01cbefdf93541aa7a139');
INSERT INTO "journal" VALUES(11,1614717923941335059,'fill_booked','{"kind":"fill_booked","at":1614717923941335059,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-0","symbol":"KO","side":"buy","cum_before":"22","cum_after":"45","price":"145.74","at":1614717923941335059}}','e52efb08ddc8cf7af7c2736ba843cea23700542c783ceb9d6da87bdae0be9d52');
INSERT INTO "journal" VALUES(12,1614717941941335014,'order_reported','{"kind":"order_reported","at":1614717941941335014,"report":{"client_order_id":"alc-20210302-KO-b-0","broker_order_id":"broker-alc-20210302-KO-b-0","symbol":"KO","side":"buy","shares":"137","status":"canceled","filled":"45","at":1614717941941335014,"reason":""}}','11ce6efbf8123c97f69e500356b427cb3afc82102b06e809bf155af079341e01');
INSERT INTO "journal" VALUES(13,1614718101941335014,'order_intended','{"kind":"order_intended","at":1614718101941335014,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","type":"limit","time_in_force":"day","limit_price":"145.75","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"145.73"}','5ecb10426bbd376bb4ef87427d0b1c6f5bc4fcebaac65d0d090f80acf9480a65');
INSERT INTO "journal" VALUES(14,1614718102941335014,'order_reported','{"kind":"order_reported","at":1614718102941335014,"report":{"client_order_id":"alc-20210302-KO-b-1","broker_order_id":"broker-alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","status":"new","filled":"0","at":1614718102941335014,"reason":""}}','7db3455a4aa04af83aa1bad3b775c8cffbe2bfb28a1aa0510696e3050f8440f9');
INSERT INTO "journal" VALUES(15,1614718103941335060,'fill_booked','{"kind":"fill_booked","at":1614718103941335060,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","cum_before":"0","cum_after":"46","price":"145.74","at":1614718103941335060}}','a984af4527030d6a86ee733b219afb4bce7ced8c0106577141a316ad8497dedd');
INSERT INTO "journal" VALUES(16,1614718103941335106,'fill_booked','{"kind":"fill_booked","at":1614718103941335106,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-KO-b-1","symbol":"KO","side":"buy","cum_before":"46","cum_after":"92","price":"145.75","at":1614718103941335106}}','e795ce3a64543a01642e717a191bf2863791069ad016574e8e872452feb1344d');
INSERT INTO "journal" VALUES(17,1614718121941335014,'order_reported','{"kind":"order_reported","at":1614718121941335014,"report":{"client_order_id":"alc-20210302-KO-b-1","broker_order_id":"broker-alc-20210302-KO-b-1","symbol":"KO","side":"buy","shares":"92","status":"filled","filled":"92","at":1614718121941335014,"reason":""}}','240268e368f4f84f79c33ec85efefe0e9de330bff6089aefb2330d68892f5f26');
INSERT INTO "journal" VALUES(18,1614718161941335014,'trade_ended','{"kind":"trade_ended","at":1614718161941335014,"cycle_id":"20210302","symbol":"KO","filled":"137","outcome":"filled"}','313128b67c6a4517850c9cd09cb174fd8bcc957bb307a05caf3e9c0e9681010a');
INSERT INTO "journal" VALUES(19,1614717900000000000,'trade_approved','{"kind":"trade_approved","at":1614717900000000000,"cycle_id":"20210302","trade":{"symbol":"XOM","side":"buy","shares":"439","arrival_price":"159.21","far_price":"159.23"}}','81b865cddc1aa13a3b62de024c4d817d0e699be88abe28280c1a390106b9acce');
INSERT INTO "journal" VALUES(20,1614718117645993344,'order_intended','{"kind":"order_intended","at":1614718117645993344,"cycle_id":"20210302","request":{"client_order_id":"alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","type":"limit","time_in_force":"day","limit_price":"159.22","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"159.18"}','951036d061b74aff0b395b69f1c52c27de7c101b7869a85b62b9acce36426fe6');
INSERT INTO "journal" VALUES(21,1614718118645993344,'order_reported','{"kind":"order_reported","at":1614718118645993344,"report":{"client_order_id":"alc-20210302-XOM-b-0","broker_order_id":"broker-alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","status":"new","filled":"0","at":1614718118645993344,"reason":""}}','7bf5f02fe8dc7b42a50122e039d882cd270768a111be162543d284109fd43f48');
INSERT INTO "journal" VALUES(22,1614718119645993783,'fill_booked','{"kind":"fill_booked","at":1614718119645993783,"cycle_id":"20210302","fill":{"client_order_id":"alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","cum_before":"0","cum_after":"439","price":"159.22","at":1614718119645993783}}','36b3afd764d4a5403044256425730cd1a2e531b81b6175e63c273ed1c1d2262b');
INSERT INTO "journal" VALUES(23,1614718137645993344,'order_reported','{"kind":"order_reported","at":1614718137645993344,"report":{"client_order_id":"alc-20210302-XOM-b-0","broker_order_id":"broker-alc-20210302-XOM-b-0","symbol":"XOM","side":"buy","shares":"439","status":"filled","filled":"439","at":1614718137645993344,"reason":""}}','2b577ded796bebe1f13600f691618762832c4cd43d88bbac1519fcf1764284a6');
INSERT INTO "journal" VALUES(24,1614718177645993344,'trade_ended','{"kind":"trade_ended","at":1614718177645993344,"cycle_id":"20210302","symbol":"XOM","filled":"439","outcome":"filled"}','e4d582411c6886c59db92f75730ba090cdcfffeae5c739ffc8ae3451e5634a63');
INSERT INTO "journal" VALUES(25,1614718440000000000,'cycle_finished','{"kind":"cycle_finished","at":1614718440000000000,"cycle_id":"20210302","trades":2,"trades_filled":2}','0d5123deb9d3739cbc66c8febdfbd6d1a1469ad66ff2a4d29288e2dcf02777c7');
INSERT INTO "journal" VALUES(26,1614718800000000000,'reconciled','{"kind":"reconciled","at":1614718800000000000,"purpose":"close","differences":[],"cash":"10135.58","equity":"100534.93"}','15130c731dd1b768c9b35359c533eb86c57c9ff33e0fb3726b365b0f0c3af5b7');
INSERT INTO "journal" VALUES(27,1614718800000000000,'day_closed','{"kind":"day_closed","at":1614718800000000000,"session":"2021-03-02","cash":"10135.58","equity":"100534.93","realised":"0","unrealised":"534.93","marks":{"KO":"145.29","XOM":"160.58"}}','34cff5317a9e0e2778abd61ee2cd8da6149df96e071aa78fec1586eb96e67dc8');
INSERT INTO "journal" VALUES(28,1614804300000000000,'cycle_started','{"kind":"cycle_started","at":1614804300000000000,"cycle_id":"20210303","session":"2021-03-03","closes_at":1614805200000000000}','5a179732a05a4fc114e80b44511563bbe9991f81c3fad6e92d3fdbe7ec593ed9');
INSERT INTO "journal" VALUES(29,1614804300000000000,'signal_formed','{"kind":"signal_formed","at":1614804300000000000,"cycle_id":"20210303","signal":{"strategy":"momentum","at":1614804300000000000,"weights":{"KO":"0.200000000","XOM":"0.200000000"},"reasons":{}}}','094a3d812c6fa7a80cfd093040a3c686c5097af7a0109173e4b9ffdc20312b3d');
INSERT INTO "journal" VALUES(30,1614804300000000000,'signal_formed','{"kind":"signal_formed","at":1614804300000000000,"cycle_id":"20210303","signal":{"strategy":"inverse-volatility","at":1614804300000000000,"weights":{"XOM":"0.500000000"},"reasons":{}}}','492503e87da71f7c593a555026ef15897f85a926a42dc84758ade74f39bf36a7');
INSERT INTO "journal" VALUES(31,1614804300000000000,'target_set','{"kind":"target_set","at":1614804300000000000,"cycle_id":"20210303","target":{"weights":{"KO":"0.200000000","XOM":"0.700000000"},"contributions":{"inverse-volatility":{"XOM":"0.500000000"},"momentum":{"KO":"0.200000000","XOM":"0.200000000"}}}}','a60750cdedabd115017e321173a553af9258f6cac77b445a17a49c6137786500');
INSERT INTO "journal" VALUES(32,1614804300000000000,'plan_built','{"kind":"plan_built","at":1614804300000000000,"cycle_id":"20210303","plan":{"cycle_id":"20210303","equity":"102247.34","trades":[{"symbol":"KO","side":"sell","shares":"1","arrival_price":"149.49","far_price":"149.47"},{"symbol":"XOM","side":"sell","shares":"1","arrival_price":"163.17","far_price":"163.15"}],"turnover":"0.003057879","spread_cost":"0.04","dust":[]}}','d5a2288eea5cd64ec44e8afa622a6fb5d6a393c10327ceebad1a91f378f6f5ae');
INSERT INTO "journal" VALUES(33,1614804300000000000,'trade_approved','{"kind":"trade_approved","at":1614804300000000000,"cycle_id":"20210303","trade":{"symbol":"KO","side":"sell","shares":"1","arrival_price":"149.49","far_price":"149.47"}}','4d8dfef3271b5c421286a09f5d71f24fd254d0a45f0c8a8e790089977df3e11f');
INSERT INTO "journal" VALUES(34,1614804308655305001,'order_intended','{"kind":"order_intended","at":1614804308655305001,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"149.48","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"149.48"}','90b6276d965540ac29c4bac6ebb42e5f403038ec39519f19fe7247aa41702ffe');
INSERT INTO "journal" VALUES(35,1614804309655305001,'order_reported','{"kind":"order_reported","at":1614804309655305001,"report":{"client_order_id":"alc-20210303-KO-s-0","broker_order_id":"broker-alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","status":"new","filled":"0","at":1614804309655305001,"reason":""}}','f228abed1e5f8e89de46195d32fe082a36898f58fed0be44cc22ba53dc0c6b2b');
INSERT INTO "journal" VALUES(36,1614804328655305001,'order_reported','{"kind":"order_reported","at":1614804328655305001,"report":{"client_order_id":"alc-20210303-KO-s-0","broker_order_id":"broker-alc-20210303-KO-s-0","symbol":"KO","side":"sell","shares":"1","status":"canceled","filled":"0","at":1614804328655305001,"reason":""}}','9c7a404463bb60e1384f6b8792f4de15524fd3813d58dc48e020aed783ed2eea');
INSERT INTO "journal" VALUES(37,1614804488655305001,'order_intended','{"kind":"order_intended","at":1614804488655305001,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"149.47","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"149.47"}','a8c2ff18ecd21784e75bcfc89dca703e72649d9b5534da445c4484185a2b76cb');
INSERT INTO "journal" VALUES(38,1614804489655305001,'order_reported','{"kind":"order_reported","at":1614804489655305001,"report":{"client_order_id":"alc-20210303-KO-s-1","broker_order_id":"broker-alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","status":"new","filled":"0","at":1614804489655305001,"reason":""}}','537ea2fbfa345e504831ae01037e73aa3188cf5ead4d9c7bcc9c40247ba69a99');
INSERT INTO "journal" VALUES(39,1614804490655305002,'fill_booked','{"kind":"fill_booked","at":1614804490655305002,"cycle_id":"20210303","fill":{"client_order_id":"alc-20210303-KO-s-1","symbol":"KO","side":"sell","cum_before":"0","cum_after":"1","price":"149.47","at":1614804490655305002}}','2647d6a41369361fcb9bb78fb68c4128c4fc8cdff39f4e6b261bc86a7a46b03a');
INSERT INTO "journal" VALUES(40,1614804508655305001,'order_reported','{"kind":"order_reported","at":1614804508655305001,"report":{"client_order_id":"alc-20210303-KO-s-1","broker_order_id":"broker-alc-20210303-KO-s-1","symbol":"KO","side":"sell","shares":"1","status":"filled","filled":"1","at":1614804508655305001,"reason":""}}','92af68758fa0509a3bfe99a57f60e282fa428dbcffe99aaa95a82218ba2f461d');
INSERT INTO "journal" VALUES(41,1614804548655305001,'trade_ended','{"kind":"trade_ended","at":1614804548655305001,"cycle_id":"20210303","symbol":"KO","filled":"1","outcome":"filled"}','4bd3b3109d1b01a1db3f9ba99a6d01b3a8ddcb594efebd98391832885fdae6c1');
INSERT INTO "journal" VALUES(42,1614804300000000000,'trade_approved','{"kind":"trade_approved","at":1614804300000000000,"cycle_id":"20210303","trade":{"symbol":"XOM","side":"sell","shares":"1","arrival_price":"163.17","far_price":"163.15"}}','25f2ee5cf0fd033bc23bda84d6453169862bdacab989d24a43bad53aebe93777');
INSERT INTO "journal" VALUES(43,1614804514896009819,'order_intended','{"kind":"order_intended","at":1614804514896009819,"cycle_id":"20210303","request":{"client_order_id":"alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","type":"limit","time_in_force":"day","limit_price":"163.16","stop_price":null,"take_profit_price":null,"stop_loss_price":null},"middle":"163.22"}','a4c6628b8174320b94a2bea58d247713781ee3b1e5279de67d3b1d82325548e8');
INSERT INTO "journal" VALUES(44,1614804515896009819,'order_reported','{"kind":"order_reported","at":1614804515896009819,"report":{"client_order_id":"alc-20210303-XOM-s-0","broker_order_id":"broker-alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","status":"new","filled":"0","at":1614804515896009819,"reason":""}}','3b91a68a6134ebdb187f24d4e92b8546e0bef6fbc936592d33d8e095ebaaefcb');
INSERT INTO "journal" VALUES(45,1614804516896009820,'fill_booked','{"kind":"fill_booked","at":1614804516896009820,"cycle_id":"20210303","fill":{"client_order_id":"alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","cum_before":"0","cum_after":"1","price":"163.17","at":1614804516896009820}}','83df7a7794be26e3868daa857fbecbf20e33d3fad0f10625075ac626b7480581');
INSERT INTO "journal" VALUES(46,1614804534896009819,'order_reported','{"kind":"order_reported","at":1614804534896009819,"report":{"client_order_id":"alc-20210303-XOM-s-0","broker_order_id":"broker-alc-20210303-XOM-s-0","symbol":"XOM","side":"sell","shares":"1","status":"filled","filled":"1","at":1614804534896009819,"reason":""}}','956e5fac8b03192f4120c736e59635ba57b21fd62cc2f41e1f0630428a8aacb9');
INSERT INTO "journal" VALUES(47,1614804574896009819,'trade_ended','{"kind":"trade_ended","at":1614804574896009819,"cycle_id":"20210303","symbol":"XOM","filled":"1","outcome":"filled"}','975359233f8a1520f0a822524ff87ede6944c7a9ae060019926b8c3b529adf8b');
INSERT INTO "journal" VALUES(48,1614804840000000000,'cycle_finished','{"kind":"cycle_finished","at":1614804840000000000,"cycle_id":"20210303","trades":2,"trades_filled":2}','b3e4f3fdcd80302ce3c033c631bde2c44fac1474ebeb7adaf468e9ddcad08885');
INSERT INTO "journal" VALUES(49,1614805200000000000,'reconciled','{"kind":"reconciled","at":1614805200000000000,"purpose":"close","differences":[],"cash":"10448.22","equity":"102405.38"}','9150badaaa6ce1f9e554ee950f21cfbf84c6f816a3090540a7cf29ed6b99716b');
INSERT INTO "journal" VALUES(50,1614805200000000000,'day_closed','{"kind":"day_closed","at":1614805200000000000,"session":"2021-03-03","cash":"10448.22","equity":"102405.38","realised":"7.68","unrealised":"2397.70","marks":{"KO":"148.43","XOM":"163.86"}}','44e20b80e7cfe11c8c1c052e3c57e7ab785d239c828c29518d7b9c292407acf5');
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
INSERT INTO "projection" VALUES(1,1,50,'44e20b80e7cfe11c8c1c052e3c57e7ab785d239c828c29518d7b9c292407acf5');
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
