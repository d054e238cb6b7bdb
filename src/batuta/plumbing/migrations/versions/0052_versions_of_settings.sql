-- What operators set is changed by its version (PLT-02).
ALTER TABLE company.legal_entity ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE company.brand ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE company.channel ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE pricing.price_list ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE shipping.carrier ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE shipping.service ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
