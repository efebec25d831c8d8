#include "lower/schedules/group_norm_affine.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Rate;
using graph::ValueId;

struct Piece {
  int64_t images, channels;
};

graph::Graph affine(const std::vector<Piece>& pieces, int64_t groups) {
  graph::Graph body;
  int64_t channels = 0;
  for (const Piece& piece : pieces) channels += piece.channels;
  std::vector<ValueId> inputs = {body.add_input("gamma", DType::f32, {channels}, Rate::load),
                                 body.add_input("beta", DType::f32, {channels}, Rate::load)};
  for (size_t i = 0; i < pieces.size(); ++i)
    inputs.push_back(body.add_input(fmt::format("m{}", i), DType::f32,
                                    {pieces[i].images, 3 * pieces[i].channels}, Rate::step));
  const auto results = body.add(graph::Op::group_norm_affine, inputs, {{"groups", groups}});
  body.add_output("factor", results[0]);
  body.add_output("term", results[1]);
  return body;
}

// Moments of `count` places with means far from zero.
Tensor moments(const graph::Value& value, float count) {
  Tensor tensor = random_tensor(DType::f32, value.shape, Data::normal, 7);
  const int64_t channels = value.shape[1] / 3;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    float& x = tensor.as<float>()[i];
    const int64_t row = i % value.shape[1] / channels;
    if (row == 0) x = count;
    if (row == 1) x += 3;
    if (row == 2) x = std::abs(x) * count;
  }
  return tensor;
}

std::vector<Tensor> inputs_of(const graph::Graph& body) {
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (size_t i = 2; i < inputs.size(); ++i) inputs[i] = moments(body.value(body.inputs()[i]), 15);
  return inputs;
}

TEST(GroupNormAffine, JoinsChannelsOfGroupsAndPieces) {
  for (const int64_t groups : {1, 4, 5, 40}) {
    const graph::Graph body = affine({{2, 40}}, groups);
    check_schedule(kGroupNormAffine, body, inputs_of(body), {.bound = 2e-6});
  }
  const graph::Graph pieces = affine({{2, 17}, {1, 23}}, 8);
  check_schedule(kGroupNormAffine, pieces, inputs_of(pieces), {.bound = 2e-6});
}

// [image][part][row][channel], the parts of unequal counts, against their exact union.
TEST(GroupNormAffine, JoinsTheParts) {
  const int64_t channels = 20, parts = 3;
  const graph::Graph body = affine({{2, channels}}, 4);
  graph::Group group = whole_group(body);
  group.parts[body.inputs()[2]] = parts;
  std::vector<Tensor> inputs = inputs_of(body);
  Tensor in_parts(DType::f32, {2, parts * 3 * channels});
  for (int64_t image = 0; image < 2; ++image)
    for (int64_t c = 0; c < channels; ++c) {
      double count = 0, mean = 0, squares = 0;
      const auto at = [&](int64_t p, int64_t row) -> float& {
        return in_parts.as<float>()[((image * parts + p) * 3 + row) * channels + c];
      };
      for (int64_t p = 0; p < parts; ++p) {
        at(p, 0) = static_cast<float>(7 + p);
        at(p, 1) = static_cast<float>(100 + c + p * 0.25);
        at(p, 2) = static_cast<float>(c + 1);
        count += at(p, 0);
        mean += at(p, 0) * at(p, 1);
      }
      mean /= count;
      for (int64_t p = 0; p < parts; ++p)
        squares += at(p, 2) + at(p, 0) * (at(p, 1) - mean) * (at(p, 1) - mean);
      float* whole = inputs[2].as<float>().data() + image * 3 * channels + c;
      whole[0] = static_cast<float>(count);
      whole[channels] = static_cast<float>(mean);
      whole[2 * channels] = static_cast<float>(squares);
    }
  const std::vector<Tensor> want = graph::evaluate(body, inputs);
  const auto program = kGroupNormAffine.build(group, target_of(64), {});
  std::vector<Memory> memory;
  for (size_t i = 0; i < 2; ++i)
    memory.push_back(to_memory(inputs[i], body.value(body.inputs()[i])));
  memory.emplace_back(in_parts.data.begin(), in_parts.data.end());
  const std::vector<Tensor> got = run_on_memory(group, *program, std::move(memory));
  for (int o = 0; o < 2; ++o) expect_close(got[o], want[o], 2e-6, "parts");
}

}  // namespace
}  // namespace tempera::lower::testing
