#pragma once

#include <vector>

#include "runtime/plan.h"

namespace tempera::runtime {

// What of a plan's setup has to run, and what it leaves.

// Of each packed tensor whether a launch after setup reads it. The others hand values from one
// launch of setup to another and go when the last one has read them.
std::vector<bool> kept_packed(const Plan& plan);

// The setup launches, by index and in order, that make the outputs of setup and the kept packed
// tensors, and what these launches read of one another; of each packed tensor `ready` tells whether
// it is made already.
std::vector<size_t> needed_setup(const Plan& plan, const std::vector<bool>& ready);

// Of each weight whether a launch reads it even if all kept packed tensors were made before: one of
// a later stage, or one of setup on the way to an output.
std::vector<bool> weights_after_packing(const Plan& plan);

// The most bytes that stored weights and packed tensors that are not kept take at once while setup
// runs: each weight only during the launches that read it.
int64_t transient_setup_bytes(const Plan& plan);

}  // namespace tempera::runtime
