-- breaking: yes
-- reason: one key per saga for effects and proofs, one reference instead of two, room for the outcome of an effect

SET LOCAL ROLE keyturn_owner;

-- Effects and proofs name the saga and its credential by one reference: cheaper than two, and stronger, because the two
-- must belong together.
ALTER TABLE lifecycle.effect
  DROP CONSTRAINT effect_rotation_id_known,
  DROP CONSTRAINT effect_credential_id_known;
ALTER TABLE lifecycle.proof
  DROP CONSTRAINT proof_rotation_id_known,
  DROP CONSTRAINT proof_credential_id_known;
ALTER TABLE lifecycle.rotation
  DROP CONSTRAINT rotation_pkey,
  ADD CONSTRAINT rotation_pkey PRIMARY KEY (id, credential_id);

-- The key is also the way from a saga to its rows. New ids sort by the time at which they were made.
ALTER TABLE lifecycle.effect
  DROP CONSTRAINT effect_pkey,
  ADD CONSTRAINT effect_pkey PRIMARY KEY (rotation_id, id),
  ADD CONSTRAINT effect_rotation_id_known FOREIGN KEY (rotation_id, credential_id)
    REFERENCES lifecycle.rotation (id, credential_id);
DROP INDEX lifecycle.effect_rotation;
ALTER TABLE lifecycle.proof
  DROP CONSTRAINT proof_pkey,
  ADD CONSTRAINT proof_pkey PRIMARY KEY (rotation_id, id),
  ADD CONSTRAINT proof_rotation_id_known FOREIGN KEY (rotation_id, credential_id)
    REFERENCES lifecycle.rotation (id, credential_id);
DROP INDEX lifecycle.proof_rotation;

-- The outcome of an effect stays on the page of its intent, and then no index is written.
ALTER TABLE lifecycle.effect SET (fillfactor = 65);
