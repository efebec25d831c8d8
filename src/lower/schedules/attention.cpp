#include "lower/schedules/attention.h"

#include "lower/schedules/attention_block.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;

namespace {

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::attention;
}

std::vector<Config> space(const Group& group, const Target& target) {
  return attention_space(attention_geometry(group, target), target);
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const AttentionGeometry g = attention_geometry(group, target);
  const int64_t bytes = AttentionTiling(g, target, config).scratch_bytes(g);
  if (bytes > target.workgroup_memory_bytes)
    return error(ErrorCode::unsupported,
                 "attention: a block needs {} bytes of scratch, the target has {}; take fewer "
                 "query_vectors or query_groups or a smaller key_block",
                 bytes, target.workgroup_memory_bytes);
  Program program;
  program.main.push_back(AttentionBlock(group, target, config).build());
  return program;
}

}  // namespace

const Schedule kAttention = {"attention", "online softmax over blocks of keys, lanes over queries",
                             accepts, space, build};

}  // namespace tempera::lower
