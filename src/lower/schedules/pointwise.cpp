#include "lower/schedules/pointwise.h"

#include <algorithm>

#include "lower/schedules/elementwise_nest.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;

namespace {

bool accepts(const Group& group, const Target&) {
  return group.anchor < 0 && !group.body.outputs().empty();
}

// Large blocks amortise a grid iteration's start; small tensors are cut so that every core gets
// several.
std::vector<Config> space(const Group& group, const Target& target) {
  const int64_t elements = element_count(group.body.value(group.body.outputs()[0].value).shape);
  const int64_t share = elements / (target.cores * 4);
  std::vector<int64_t> blocks = {4096, 8192, 16384, 1024};
  std::stable_partition(blocks.begin(), blocks.end(),
                        [&](int64_t b) { return b <= std::max<int64_t>(share, 1024); });
  std::vector<Config> configs;
  for (const int64_t block : blocks) configs.push_back({{{"block", block}}});
  return configs;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  return build_elementwise_nest(group, target, {.block = config.at("block")}, "pointwise");
}

}  // namespace

const Schedule kPointwise = {"pointwise", "element-wise work with views, one pass over memory",
                             accepts, space, build};

}  // namespace tempera::lower
