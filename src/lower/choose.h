#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/schedule.h"

namespace tempera::lower {

struct Choice {
  const Schedule* schedule;
  kernel::Config config;
};
// Decides how a group is computed: the default, a tuning database, a test's own.
using Choose = std::function<Result<Choice>(const graph::Group&, const Target&)>;

// Of the rows of schedules() that accept the group, with the first config of their space: the first
// one, or where it gives an estimate the one of fewest cycles among those that do. unsupported if
// no row accepts it.
Result<Choice> default_choice(const graph::Group& group, const Target& target);

// The same for all groups of a component, one Choice each, where faster schedules together may take
// up to `growth_bytes` more for packed weights than the smallest ones would. Spent on distinct
// weights in the order of cycles saved a byte.
Result<std::vector<Choice>> choose_within(std::span<const graph::Group> groups,
                                          const Target& target, int64_t growth_bytes);

}  // namespace tempera::lower
