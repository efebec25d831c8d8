#include "lower/place_values.h"

#include <algorithm>

#include "lower/plan_memory.h"

namespace tempera::lower {

using graph::Graph;
using graph::Group;
using graph::Rate;
using graph::ValueId;
using runtime::Binding;
using runtime::Region;
using runtime::Stage;

namespace {

int64_t bytes_of(const graph::Value& value) {
  return element_count(value.shape) * size_in_bytes(value.dtype);
}

int64_t bytes_of_output(const Group& group, size_t output) {
  return group.bytes_of(group.body.outputs()[output].value);
}

struct Placer {
  const Graph& graph;
  const std::vector<Group>& groups;
  const std::vector<const Program*>& programs;
  const std::vector<bool>& fixed;
  const Target& target;
  Placement& placement;

  std::vector<int32_t> begin, end;   // by group: its launches on the time line of all stages
  std::vector<int32_t> last_reader;  // by value: the group, or -1
  std::vector<bool> in_state;        // by value
  std::vector<int> buffer_of;        // by value: an index of lifetimes, or -1
  std::vector<Lifetime> lifetimes;
  std::vector<std::vector<int>> temporary_of;

  void order_launches();
  void find_readers();
  void place_state();
  void add_lifetimes();
  int reused_buffer(size_t group, int output) const;
};

// Stages run one after another, so that a place of the arena serves them all.
void Placer::order_launches() {
  begin.resize(groups.size());
  end.resize(groups.size());
  int32_t time = 0;
  for (int stage = 0; stage < runtime::kStageCount; ++stage) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (static_cast<int>(stage_of(groups[g].rate)) != stage) continue;
      begin[g] = time;
      time += static_cast<int32_t>(std::max<size_t>(programs[g]->main.size(), 1));
      end[g] = time - 1;
    }
  }
}

void Placer::find_readers() {
  last_reader.assign(graph.values().size(), -1);
  in_state.assign(graph.values().size(), false);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const ValueId value : groups[g].inputs) {
      int32_t& last = last_reader[value];
      if (last < 0 || end[g] > end[last]) last = static_cast<int32_t>(g);
      in_state[value] =
          in_state[value] || stage_of(groups[g].rate) > stage_of(graph.value(value).rate);
    }
  }
}

void Placer::place_state() {
  for (const Group& group : groups) {
    for (size_t o = 0; o < group.outputs.size(); ++o) {
      const ValueId value = group.outputs[o];
      if (fixed[value] || !in_state[value]) continue;
      placement.values[value] = {Region::state, 0, placement.state_bytes};
      const int64_t a = target.buffer_alignment;
      placement.state_bytes += (bytes_of_output(group, o) + a - 1) / a * a;
    }
  }
}

// The buffer of an input that this output may take over: dead after this group and of the same
// size.
int Placer::reused_buffer(size_t g, int output) const {
  const Group& group = groups[g];
  for (const auto& [o, i] : programs[g]->in_place) {
    if (o != output) continue;
    const ValueId input = group.inputs[i];
    if (buffer_of[input] < 0 || last_reader[input] != static_cast<int32_t>(g)) continue;
    if (std::count(group.inputs.begin(), group.inputs.end(), input) != 1) continue;
    if (bytes_of(graph.value(input)) != bytes_of(graph.value(group.outputs[output]))) continue;
    const bool taken = std::any_of(group.outputs.begin(), group.outputs.end(),
                                   [&](ValueId v) { return buffer_of[v] == buffer_of[input]; });
    if (!taken) return buffer_of[input];
  }
  return -1;
}

void Placer::add_lifetimes() {
  buffer_of.assign(graph.values().size(), -1);
  temporary_of.resize(groups.size());
  placement.aliased.assign(groups.size(), false);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t o = 0; o < groups[g].outputs.size(); ++o) {
      const ValueId value = groups[g].outputs[o];
      if (fixed[value] || in_state[value]) continue;
      const int32_t last = last_reader[value] < 0 ? end[g] : end[last_reader[value]];
      const int reused = target.can_alias_read_write ? reused_buffer(g, static_cast<int>(o)) : -1;
      if (reused >= 0) {
        placement.aliased[g] = true;
        buffer_of[value] = reused;
        lifetimes[reused].last = std::max(lifetimes[reused].last, last);
        continue;
      }
      buffer_of[value] = static_cast<int>(lifetimes.size());
      lifetimes.push_back({bytes_of_output(groups[g], o), begin[g], last});
    }
    if (stage_of(groups[g].rate) == Stage::setup) continue;
    for (const int64_t bytes : programs[g]->temporary_bytes) {
      temporary_of[g].push_back(static_cast<int>(lifetimes.size()));
      lifetimes.push_back({bytes, begin[g], end[g]});
    }
  }
}

}  // namespace

Stage stage_of(Rate rate) {
  switch (rate) {
    case Rate::constant:
    case Rate::load:
      return Stage::setup;
    case Rate::picture:
      return Stage::picture;
    case Rate::prompt:
      return Stage::prompt;
    case Rate::step:
      return Stage::step;
  }
  CHECK(false, "a rate of {}", static_cast<int>(rate));
}

Placement place_values(const Graph& graph, const std::vector<Group>& groups,
                       const std::vector<const Program*>& programs, std::vector<Binding> values,
                       const std::vector<bool>& fixed, const Target& target) {
  Placement placement{.values = std::move(values)};
  Placer placer{graph, groups, programs, fixed, target, placement};
  placer.order_launches();
  placer.find_readers();
  placer.place_state();
  placer.add_lifetimes();
  const MemoryPlan memory = plan_memory(placer.lifetimes, target.buffer_alignment);
  for (size_t v = 0; v < placer.buffer_of.size(); ++v)
    if (placer.buffer_of[v] >= 0)
      placement.values[v] = {Region::arena, 0, memory.offsets[placer.buffer_of[v]]};
  for (const std::vector<int>& buffers : placer.temporary_of) {
    std::vector<Binding>& places = placement.temporaries.emplace_back();
    for (const int buffer : buffers) places.push_back({Region::arena, 0, memory.offsets[buffer]});
  }
  placement.arena_bytes = memory.bytes;
  placement.live_bytes = memory.live_bytes;
  return placement;
}

}  // namespace tempera::lower
