-- A vector of 384 numbers and a passage stay in their row: a vector kept apart costs three more pages each time it is compared.
ALTER TABLE memory_item SET (toast_tuple_target = 4080);
