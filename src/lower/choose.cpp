#include "lower/choose.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "graph/text.h"

namespace tempera::lower {

using graph::Group;
using graph::ValueId;

namespace {

struct Offer {
  Choice choice;
  Estimate estimate;
};

// The schedules to choose between: one without an estimate is alone.
Result<std::vector<Offer>> offers_for(const Group& group, const Target& target) {
  std::vector<Offer> offers;
  for (const Schedule& schedule : schedules()) {
    if (!schedule.accepts(group, target)) continue;
    if (!schedule.estimate && !offers.empty()) continue;
    const kernel::Config config = schedule.space(group, target).at(0);
    Offer offer{{&schedule, config}, {}};
    if (schedule.estimate) offer.estimate = schedule.estimate(group, target, config);
    offers.push_back(std::move(offer));
    if (!schedule.estimate) break;
  }
  if (offers.empty())
    return error(ErrorCode::unsupported, "no schedule computes this group of {}:\n{}",
                 fmt::join(group.origin, ", "), graph::print(group.body));
  return offers;
}

const Offer& fastest(const std::vector<Offer>& offers) {
  return *std::ranges::min_element(offers, {}, [](const Offer& o) { return o.estimate.cycles; });
}

const Offer& smallest(const std::vector<Offer>& offers) {
  return *std::ranges::min_element(offers, {},
                                   [](const Offer& o) { return o.estimate.packed_bytes; });
}

// Groups of one workload that pack the same weights, and what their fastest schedule changes.
struct Upgrade {
  std::vector<size_t> groups;
  const Offer* offer;
  double saved = 0;   // cycles, of all groups
  int64_t extra = 0;  // bytes
};

std::vector<ValueId> weights_of(const Group& group) {
  std::vector<ValueId> weights;
  for (size_t i = 0; i < group.inputs.size(); ++i)
    if (group.body.value(group.body.inputs()[i]).rate <= graph::Rate::load)
      weights.push_back(group.inputs[i]);
  return weights;
}

}  // namespace

Result<Choice> default_choice(const Group& group, const Target& target) {
  ASSIGN_OR_RETURN(const std::vector<Offer> offers, offers_for(group, target));
  return fastest(offers).choice;
}

Result<std::vector<Choice>> choose_within(std::span<const Group> groups, const Target& target,
                                          int64_t growth_bytes) {
  std::map<std::string, std::vector<Offer>> offers;  // by workload
  std::map<std::pair<std::string, std::vector<ValueId>>, Upgrade> upgrades;
  std::vector<Choice> choices;
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::string key = graph::workload_key(groups[g]);
    std::vector<Offer>& known = offers[key];
    if (known.empty()) {
      ASSIGN_OR_RETURN(known, offers_for(groups[g], target));
    }
    const Offer& small = smallest(known);
    const Offer& fast = fastest(known);
    choices.push_back(small.choice);
    if (&small == &fast) continue;
    Upgrade& upgrade = upgrades[{key, weights_of(groups[g])}];
    upgrade.groups.push_back(g);
    upgrade.offer = &fast;
    upgrade.saved += small.estimate.cycles - fast.estimate.cycles;
    upgrade.extra = fast.estimate.packed_bytes - small.estimate.packed_bytes;
  }
  std::vector<const Upgrade*> order;
  for (const auto& [key, upgrade] : upgrades) order.push_back(&upgrade);
  std::ranges::stable_sort(order, [](const Upgrade* a, const Upgrade* b) {
    return a->saved * static_cast<double>(b->extra) > b->saved * static_cast<double>(a->extra);
  });
  for (const Upgrade* upgrade : order) {
    if (upgrade->extra > growth_bytes) continue;
    growth_bytes -= upgrade->extra;
    for (const size_t g : upgrade->groups) choices[g] = upgrade->offer->choice;
  }
  return choices;
}

}  // namespace tempera::lower
