#include "api/compile/weight_growth.h"

#include <algorithm>
#include <numeric>

#include "frontend/checkpoint/weights.h"

namespace tempera::api {

using frontend::Checkpoint;
using frontend::Component;
using frontend::Part;

namespace {

constexpr Component kComponents[] = {Component::text_encoder, Component::unet,
                                     Component::vae_decoder, Component::vae_encoder};

bool is_of(Component component, const std::string& tensor) {
  if (frontend::part_of(component) != Part::vae) return true;
  const bool encodes = tensor.starts_with("encoder.") || tensor.starts_with("quant_conv.");
  return encodes == (component == Component::vae_encoder);
}

// Of a component's packed weights, in bytes.
struct PackedWeights {
  int64_t all = 0;
  int64_t growth = 0;  // of its 3x3 kernels, if all are transformed
};

PackedWeights packed_weights(const Checkpoint& checkpoint, Component component,
                             const Target& target, const graph::Precision& precision) {
  const auto weights = frontend::open_weights(checkpoint, frontend::part_of(component));
  if (!weights.ok()) return {};
  // Winograd's F(2x2, 3x3) has 16 elements a kernel, F(4x4, 3x3) 36.
  const bool pairs = precision.arithmetic == DType::bf16 && target.has_bf16_dot;
  const int64_t transformed = pairs ? 16 * 2 : 36 * 4;
  const int64_t element = size_in_bytes(precision.weights);
  PackedWeights packed;
  for (const auto& [name, tensor] : (*weights)->tensors()) {
    if (!is_of(component, name)) continue;
    const int64_t elements = element_count(tensor.shape);
    packed.all += elements * element;
    if (tensor.shape.size() == 4 && tensor.shape[2] == 3 && tensor.shape[3] == 3)
      packed.growth += elements / 9 * (transformed - 9 * element);
  }
  return packed;
}

}  // namespace

std::vector<int64_t> fair_shares(int64_t total, const std::vector<Demand>& demands) {
  std::vector<size_t> order(demands.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return demands[a].bytes * demands[b].weight < demands[b].bytes * demands[a].weight;
  });
  int64_t waiting = 0;
  for (const Demand& demand : demands) waiting += demand.weight;
  std::vector<int64_t> shares(demands.size());
  for (const size_t i : order) {
    shares[i] = std::min(demands[i].bytes, total * demands[i].weight / waiting);
    total -= shares[i];
    waiting -= demands[i].weight;
  }
  return shares;
}

int64_t weight_growth(const Checkpoint& checkpoint, Component component, const Target& target,
                      const graph::Precision& precision) {
  constexpr int64_t kPart = 4;
  int64_t total = 0;
  std::vector<Demand> demands;
  size_t at = 0;
  for (const Component each : kComponents) {
    const PackedWeights packed = packed_weights(checkpoint, each, target, precision);
    if (each == component) at = demands.size();
    total += packed.all;
    demands.push_back({packed.growth, each == Component::unet ? 2 : 1});
  }
  return fair_shares(total / kPart, demands)[at];
}

}  // namespace tempera::api
