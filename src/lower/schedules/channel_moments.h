#pragma once

#include <optional>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/program.h"

namespace tempera::lower {

// Group norm's statistics where channels lie innermost in memory: the anchor reads a reshape of
// `value` [n, c, places...] to [n, groups, c / groups, places...] and reduces all but the first two
// dimensions. Lanes run over channels, across the borders of groups, so that every load is a
// contiguous vector.
struct ChannelGroups {
  graph::ValueId value;
  int64_t batch, channels, groups, places;
  Shape place_shape;
};
std::optional<ChannelGroups> channel_groups(const graph::Group& group, const Target& target);

struct ChannelMomentsOptions {
  int64_t blocks = 64;  // of places, of each image: fixed, so that results do not depend on threads
  int64_t parts = 1;    // of the channels; each grid iteration does one part of one block
};

// Two launches: sums of every block and channel, then their combination to groups.
Program build_channel_moments(const graph::Group& group, const ChannelGroups& groups,
                              const Target& target, const ChannelMomentsOptions& options);

}  // namespace tempera::lower
