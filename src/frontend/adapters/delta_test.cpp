#include "frontend/adapters/delta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace tempera::frontend {
namespace {

// Values (((7 i + 5 seed) mod 13) - 6) / 8, plus `more`.
StoredTensor pattern(int seed, Shape shape, float more = 0) {
  const int64_t count = element_count(shape);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>((i * 7 + seed * 5) % 13 - 6) / 8 + more);
  const auto tensor = std::make_shared<Tensor>(Tensor::of(DType::f32, shape, values));
  return {.dtype = DType::f32, .shape = std::move(shape), .bytes = tensor->data, .owner = tensor};
}

StoredTensor alpha(float value) {
  const auto tensor = std::make_shared<Tensor>(Tensor::of<float>(DType::f32, {}, {value}));
  return {.dtype = DType::f32, .shape = {}, .bytes = tensor->data, .owner = tensor};
}

// A layer on the weight pattern(1, shape), at strength 0.5; elements 0, 5, 17 and the last, and the
// sum of element i times 3 i mod 17, computed with torch in f64 from the published formulas (the
// CP form of LoCon by running its three convolutions).
struct Case {
  std::string name;
  Shape shape;
  AdapterLayer layer;
  std::vector<double> want;
};

const Shape kConv = {4, 6, 3, 3}, kLinear = {4, 6, 1, 1};

std::vector<Case> cases() {
  const AdapterLayer locon = {{"lora_up", pattern(2, {4, 2, 1, 1})},
                              {"lora_down", pattern(3, {2, 6, 3, 3})},
                              {"alpha", alpha(4)}};
  AdapterLayer dora_out = locon, dora_in = locon;
  dora_out["dora_scale"] = pattern(7, {4, 1}, 1);
  dora_in["dora_scale"] = pattern(7, {1, 6, 1, 1}, 1);
  return {
      {"lora on a 1x1 convolution",
       kLinear,
       {{"lora_up", pattern(2, {4, 2})}, {"lora_down", pattern(3, {2, 6})}, {"alpha", alpha(1)}},
       {-0.1796875, -0.5078125, 0.2421875, 0.3632812, -18.328125}},
      {"locon", kConv, locon, {-0.28125, -0.5, 0.03125, -0.71875, -1.40625}},
      {"locon with mid",
       kConv,
       {{"lora_up", pattern(2, {4, 2, 1, 1})},
        {"lora_mid", pattern(4, {2, 3, 3, 3})},
        {"lora_down", pattern(3, {3, 6, 1, 1})},
        {"alpha", alpha(1)}},
       {-0.1510417, -0.5755208, 0.1634115, -0.5091146, -7.1289063}},
      {"loha",
       kConv,
       {{"hada_w1_a", pattern(2, {4, 2})},
        {"hada_w1_b", pattern(3, {2, 54})},
        {"hada_w2_a", pattern(4, {4, 2})},
        {"hada_w2_b", pattern(5, {2, 54})},
        {"alpha", alpha(2)}},
       {-0.1689453, -0.6376953, 0.1140137, -0.496582, -17.4716797}},
      {"loha with cores",
       kConv,
       {{"hada_t1", pattern(6, {2, 2, 3, 3})},
        {"hada_w1_a", pattern(2, {2, 4})},
        {"hada_w1_b", pattern(3, {2, 6})},
        {"hada_t2", pattern(7, {2, 2, 3, 3})},
        {"hada_w2_a", pattern(4, {2, 4})},
        {"hada_w2_b", pattern(5, {2, 6})},
        {"alpha", alpha(1)}},
       {-0.1200562, -0.6247025, 0.1214294, -0.5, -7.5729523}},
      {"lokr with one side in factors",
       kConv,
       {{"lokr_w1", pattern(2, {2, 3})},
        {"lokr_w2_a", pattern(3, {2, 2})},
        {"lokr_w2_b", pattern(4, {2, 18})},
        {"alpha", alpha(4)}},
       {-0.2265625, -0.390625, 0.0078125, -0.5, 0.2070312}},
      {"lokr with a core",
       kConv,
       {{"lokr_w1_a", pattern(2, {2, 2})},
        {"lokr_w1_b", pattern(6, {2, 3})},
        {"lokr_t2", pattern(5, {2, 2, 3, 3})},
        {"lokr_w2_a", pattern(3, {2, 2})},
        {"lokr_w2_b", pattern(4, {2, 2})},
        {"alpha", alpha(1)}},
       {-0.1155396, -0.6283569, 0.1253052, -0.5006027, -8.1386871}},
      {"lokr without factors leaves alpha out",
       kLinear,
       {{"lokr_w1", pattern(2, {2, 3})}, {"lokr_w2", pattern(3, {2, 2})}, {"alpha", alpha(9)}},
       {-0.25, -0.5078125, 0.125, 0.5, -20.0625}},
      {"dora of outputs",
       kConv,
       dora_out,
       {-0.1377229, -0.3769767, 0.0517539, -0.3001568, -7.2636407}},
      {"dora of inputs",
       kConv,
       dora_in,
       {-0.1430221, -0.3815189, 0.0579381, -0.3390983, -5.2206662}},
      {"a whole difference",
       kConv,
       {{"diff", pattern(2, kConv)}},
       {0.125, -0.625, 0.5, -0.4375, -6.3125}},
  };
}

TEST(WeightChange, IsThatOfEachKindsFormula) {
  for (const Case& c : cases()) {
    const Result<WeightChange> change = weight_change(c.layer, 0.5, c.shape, "x");
    ASSERT_TRUE(change.ok()) << c.name << ": " << change.error().message;
    std::vector<float> w = *values_of(pattern(1, c.shape));
    ASSERT_TRUE((*change)(w).ok());
    double sum = 0;
    for (size_t i = 0; i < w.size(); ++i)
      sum += static_cast<double>(w[i]) * static_cast<double>(i * 3 % 17);
    const std::vector<double> got = {w[0], w[5], w[17], w.back(), sum};
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], c.want[i], 2e-6 * std::max(1.0, std::abs(c.want[i]))) << c.name << i;
  }
}

TEST(WeightChange, WithoutAlphaIsNotScaled) {
  AdapterLayer layer = {{"lora_up", pattern(2, {4, 2})}, {"lora_down", pattern(3, {2, 6})}};
  std::vector<float> plain(24), scaled(24);
  ASSERT_TRUE((*weight_change(layer, 1, {4, 6}, "x"))(plain).ok());
  layer["alpha"] = alpha(2);
  ASSERT_TRUE((*weight_change(layer, 1, {4, 6}, "x"))(scaled).ok());
  EXPECT_EQ(plain, scaled);
}

struct WrongCase {
  AdapterLayer layer;
  ErrorCode code;
  std::string message;
};

TEST(WeightChange, RefusesShapesThatDoNotFit) {
  const std::vector<WrongCase> wrong = {
      {{{"lora_up", pattern(2, {4, 2})}, {"lora_down", pattern(3, {2, 7})}},
       ErrorCode::invalid_argument,
       "f: changes a weight of 4 x 7, the model's is [4, 6]; was it made for another family of "
       "models?"},
      {{{"lora_up", pattern(2, {4, 2})}, {"lora_down", pattern(3, {3, 6})}},
       ErrorCode::data_loss,
       "f: factors of 4 x 2 and 3 x 6 do not fit each other"},
      {{{"lora_up", pattern(2, {4, 2})}}, ErrorCode::data_loss, "f: tensor 'lora_down' is missing"},
      {{{"lora_up", pattern(2, {4, 0})}, {"lora_down", pattern(3, {0, 6})}},
       ErrorCode::data_loss,
       "f: tensor 'lora_up' of f32 [4, 0] is no factor of a weight"},
      {{{"lora_up", pattern(2, {4, 2})},
        {"lora_down", pattern(3, {2, 6})},
        {"alpha", pattern(1, {2})}},
       ErrorCode::data_loss,
       "f: tensor 'alpha' of shape [2] is not one finite number"},
      {{{"lora_up", pattern(2, {4, 2})},
        {"lora_down", pattern(3, {2, 6})},
        {"dora_scale", pattern(1, {5, 1})}},
       ErrorCode::invalid_argument,
       "f: tensor 'dora_scale' of shape [5, 1] does not fit the model's weight of [4, 6]"},
      {{{"alpha", alpha(1)}},
       ErrorCode::unsupported,
       "f: tensor 'alpha' belongs to no kind of adapter known here (LoRA, LoCon, LoHa, LoKr)"},
  };
  for (const WrongCase& c : wrong) {
    const Result<WeightChange> change = weight_change(c.layer, 1, {4, 6}, "f");
    ASSERT_FALSE(change.ok()) << c.message;
    EXPECT_EQ(change.error().code, c.code);
    EXPECT_EQ(change.error().message, c.message);
  }
}

}  // namespace
}  // namespace tempera::frontend
