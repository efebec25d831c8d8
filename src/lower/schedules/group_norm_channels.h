#pragma once

#include <optional>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "kernel/kernel.h"
#include "lower/program.h"

namespace tempera::lower {

// The extents of a group_norm_affine of x [batch, channels, place_shape...].
struct ChannelGroups {
  int64_t batch, channels, groups, places;
  Shape place_shape;

  int64_t size() const { return channels / groups; }
};
ChannelGroups channel_groups(const graph::Group& group);

// group_norm_affine where the channels of x lie innermost in memory: lanes run over channels,
// across the borders of groups, so that every load is a contiguous vector.
bool has_channels_innermost(const graph::Group& group, const Target& target);

// Config: blocks: of places, of each image, fixed so that results do not depend on threads. parts:
// runs of whole groups; a grid iteration sums one part of one block. One block: the same iteration
// goes on to its groups' factors and terms. More: a second launch does, from the blocks' sums.
std::vector<kernel::Config> channels_space(const graph::Group& group, const Target& target);
Program build_group_norm_channels(const graph::Group& group, const Target& target,
                                  const kernel::Config& config);

}  // namespace tempera::lower
