/* store_contract.h - what every task store must do (core/ports.h), wherever it keeps things. */
#ifndef SK_TEST_CONTRACT_STORE_CONTRACT_H
#define SK_TEST_CONTRACT_STORE_CONTRACT_H

#include "store_rig.h"

/* Runs all tests; the number of those that failed. */
int store_contract_run(const struct store_kind *kind);

/* Its parts: one task, its end; many tasks, found by filters, and against a model; the rest. */
int store_contract_tasks(const struct store_kind *kind);
int store_contract_ends(const struct store_kind *kind);
int store_contract_pages(const struct store_kind *kind);
int store_contract_model(const struct store_kind *kind);
int store_contract_rest(const struct store_kind *kind);

#endif
