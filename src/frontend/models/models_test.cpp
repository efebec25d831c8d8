// Every module of the tiny models against the reference implementations, by the graph's own
// definition (evaluate).
#include <gtest/gtest.h>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/models/clip_text.h"
#include "frontend/models/component.h"
#include "frontend/models/vae.h"
#include "graph/evaluate.h"
#include "graph/verify.h"
#include "tensor_file/convert.h"
#include "test/reference/golden.h"

namespace tempera::frontend {
namespace {

using test::data_path;
using test::load_layers;
using test::Tensors;

constexpr double kBound = 1e-4;

Tensor to_i32(const Tensor& ids) {
  Tensor result(DType::i32, ids.shape);
  std::copy(ids.as<int64_t>().begin(), ids.as<int64_t>().end(), result.as<int32_t>().begin());
  return result;
}

Tensor repeat(double value, int64_t count) {
  return Tensor::of<float>(DType::f32, {count},
                           std::vector<float>(count, static_cast<float>(value)));
}

// The first `count` of the outermost dimension.
Tensor first(const Tensor& tensor, int64_t count) {
  Shape shape = tensor.shape;
  shape[0] = count;
  Tensor result(tensor.dtype, shape);
  std::copy_n(tensor.data.begin(), result.data.size(), result.data.begin());
  return result;
}

// The component's outputs and marks by name; an output goes by "output" too where it is the only
// one.
Tensors run(const ComponentGraph& component, const Weights& weights, const Tensors& inputs) {
  graph::Graph g = component.graph;
  std::vector<std::string> names;
  for (const graph::NamedValue& output : g.outputs()) names.push_back(output.name);
  for (const graph::NamedValue& mark : component.marks) {
    g.add_output("mark " + mark.name, mark.value);
    names.push_back(mark.name);
  }
  EXPECT_TRUE(graph::verify(g).ok());  // all marks can be kept at once: their names are distinct
  std::vector<Tensor> values;
  for (const graph::ValueId id : g.inputs()) {
    const std::string& name = g.value(id).name;
    const auto given = inputs.find(name);
    values.push_back(given != inputs.end() ? given->second : *load(*weights.find(name)));
  }
  std::vector<Tensor> results = graph::evaluate(g, values);
  Tensors by_name;
  for (size_t i = 0; i < names.size(); ++i) by_name.emplace(names[i], std::move(results[i]));
  return by_name;
}

Tensors run(const std::string& folder, Component component, const ComponentSize& size,
            const Tensors& inputs, const ComponentOptions& options = {}) {
  const Result<Checkpoint> checkpoint = open_checkpoint(folder);
  const Result<BuiltComponent> built = build_component(*checkpoint, component, size, options);
  return run(built->graph, *built->weights, inputs);
}

const std::string kSd15 = data_path("tiny/sd15"), kSd2 = data_path("tiny/sd2");

void expect_layers(const Tensors& got, const Tensors& want) {
  size_t compared = 0;
  for (const auto& [name, tensor] : want) {
    if (name.starts_with("input.") || name.starts_with("output")) continue;
    ASSERT_TRUE(got.contains(name)) << name << " cannot be kept";
    test::expect_close(name, got.at(name), tensor, kBound);
    ++compared;
  }
  EXPECT_GT(compared, 10u);
}

TEST(ReferenceLayers, TextEncoder) {
  const Tensors want = load_layers("sd15.text_encoder");
  const Tensors got = run(kSd15, Component::text_encoder, {.batch = 2, .tokens = 77},
                          {{"input_ids", to_i32(want.at("input.ids"))}});
  expect_layers(got, want);
  test::expect_close("last_hidden_state", got.at("last_hidden_state"), want.at("output"), kBound);
}

TEST(ReferenceLayers, Unet) {
  const Tensors want = load_layers("sd15.unet.1x12x20");
  const Tensors got =
      run(kSd15, Component::unet, {.batch = 1, .height = 12, .width = 20, .tokens = 77},
          {{"sample", want.at("input.latent")},
           {"timestep", repeat(501, 1)},
           {"encoder_hidden_states", want.at("input.context")}});
  expect_layers(got, want);
  test::expect_close("sample", got.at("sample"), want.at("output"), kBound);
}

TEST(UnetParts, TheShallowOneGivesTheWholesOutputFromItsDeepFeature) {
  for (const std::string& folder : {kSd15, kSd2}) {
    const Tensors data = load_layers(folder == kSd15 ? "sd15.final" : "sd2.final");
    const ComponentSize size{.height = 8, .width = 8, .tokens = 77};
    Tensors inputs = {{"sample", data.at("unet.1x8x8.latent")},
                      {"timestep", repeat(501, 1)},
                      {"encoder_hidden_states", first(data.at("context"), 1)}};
    const Tensors plain = run(folder, Component::unet, size, inputs);
    const Tensors whole =
        run(folder, Component::unet, size, inputs, {.unet = {.part = UnetPart::all_with_deep}});
    inputs.emplace("deep", whole.at("deep"));
    const Tensors shallow =
        run(folder, Component::unet, size, inputs, {.unet = {.part = UnetPart::shallow}});
    test::expect_close("whole", whole.at("sample"), plain.at("sample"), 0);
    test::expect_close("shallow", shallow.at("sample"), plain.at("sample"), 0);
    EXPECT_LT(shallow.size(), whole.size() / 2) << "layers that are computed";
  }
}

TEST(ReferenceLayers, VaeDecoder) {
  const Tensors want = load_layers("sd15.vae_decode");
  const Tensors got = run(kSd15, Component::vae_decoder, {.height = 4, .width = 6},
                          {{"latent", want.at("input.latent")}});
  expect_layers(got, want);
  test::expect_close("image", got.at("image"), want.at("output"), kBound);
}

TEST(ReferenceLayers, VaeEncoder) {
  const Tensors want = load_layers("sd15.vae_encode");
  const Tensors got = run(kSd15, Component::vae_encoder, {.height = 48, .width = 32},
                          {{"image", want.at("input.image")}});
  expect_layers(got, want);
  test::expect_close("moments", got.at("moments"), want.at("output.moments"), kBound);
}

void expect_unet(const std::string& folder, const Tensors& want, const std::string& size,
                 const std::string& timestep) {
  const Tensor& latent = want.at("unet." + size + ".latent");
  const int64_t batch = latent.shape[0];
  const Tensors got =
      run(folder, Component::unet,
          {.batch = batch, .height = latent.shape[2], .width = latent.shape[3], .tokens = 77},
          {{"sample", latent},
           {"timestep", repeat(std::stod(timestep), batch)},
           {"encoder_hidden_states", first(want.at("context"), batch)}});
  test::expect_close(size + " at " + timestep, got.at("sample"),
                     want.at("unet." + size + ".t" + timestep), kBound);
}

// torch's convolutions with padding_mode "circular".
TEST(CircularPadding, IsTorchs) {
  const Tensors want = load_layers("sd15.circular");
  const Tensors unet =
      run(kSd15, Component::unet, {.height = 8, .width = 10, .tokens = 4, .circular = true},
          {{"sample", want.at("unet.sample")},
           {"timestep", repeat(500, 1)},
           {"encoder_hidden_states", want.at("unet.context")}});
  test::expect_close("unet", unet.at("sample"), want.at("unet.output"), kBound);
  const Tensors decoded =
      run(kSd15, Component::vae_decoder, {.height = 3, .width = 2, .circular = true},
          {{"latent", want.at("decode.latent")}});
  test::expect_close("decode", decoded.at("image"), want.at("decode.output"), kBound);
  const Tensors encoded =
      run(kSd15, Component::vae_encoder, {.height = 16, .width = 24, .circular = true},
          {{"image", want.at("encode.image")}});
  test::expect_close("encode", encoded.at("moments"), want.at("encode.output"), kBound);
}

TEST(ReferenceFinals, UnetOfSizesThatAreNotMultiplesOfEight) {
  const Tensors want = load_layers("sd15.final");
  expect_unet(kSd15, want, "1x9x13", "999");
  expect_unet(kSd15, want, "1x12x16", "0");
}

TEST(ReferenceFinals, UnetAtFractionalTimestep) {
  expect_unet(kSd15, load_layers("sd15.final"), "1x8x8", "320.625");
}

TEST(UnetOfRepeatedRows, GivesWhatTheRowsWrittenOutGive) {
  const Tensors want = load_layers("sd15.final");
  const Tensor& latent = want.at("unet.1x8x8.latent");
  const Tensor context = first(want.at("context"), 2);
  Tensor twice(latent.dtype, {2, latent.shape[1], 8, 8});
  for (const size_t half : {0, 1})
    std::ranges::copy(latent.data, twice.data.begin() + half * latent.data.size());
  const ComponentSize size{.batch = 2, .height = 8, .width = 8, .tokens = 77};
  ComponentSize shared = size;
  shared.repeat = 2;
  const Tensors written =
      run(kSd15, Component::unet, size,
          {{"sample", twice}, {"timestep", repeat(7, 2)}, {"encoder_hidden_states", context}});
  const Tensors repeated =
      run(kSd15, Component::unet, shared,
          {{"sample", latent}, {"timestep", repeat(7, 1)}, {"encoder_hidden_states", context}});
  EXPECT_EQ(repeated.at("sample"), written.at("sample"));
}

// [rows, tokens, width] -> [rows, count * tokens, width].
Tensor tokens_again(const Tensor& context, int64_t count) {
  Tensor longer(context.dtype, {context.shape[0], count * context.shape[1], context.shape[2]});
  const auto row = std::ssize(context.data) / context.shape[0];
  auto to = longer.data.begin();
  for (int64_t i = 0; i < context.shape[0]; ++i)
    for (int64_t copy = 0; copy < count; ++copy)
      to = std::copy_n(context.data.begin() + i * row, row, to);
  return longer;
}

TEST(UnetOfRepeatedRows, SeesTheSameInAContextThatIsRepeatedWhole) {
  const Tensors want = load_layers("sd15.final");
  const Tensor& latent = want.at("unet.1x8x8.latent");
  const Tensor context = first(want.at("context"), 1);
  const ComponentSize size{.batch = 1, .height = 8, .width = 8, .tokens = 154};
  const Tensors got = run(kSd15, Component::unet, size,
                          {{"sample", latent},
                           {"timestep", repeat(320.625, 1)},
                           {"encoder_hidden_states", tokens_again(context, 2)}});
  test::expect_close("154 tokens", got.at("sample"), want.at("unet.1x8x8.t320.625"), kBound);
}

TEST(TextEncoder, SkipsItsLastLayersButNotTheFinalNorm) {
  const Tensor ids = to_i32(load_layers("sd15.text_encoder").at("input.ids"));
  const ComponentSize size{.batch = 2, .tokens = 77};
  ComponentSize skipping = size;
  skipping.clip_skip = 2;
  const Tensors all = run(kSd15, Component::text_encoder, size, {{"input_ids", ids}});
  const Tensors most = run(kSd15, Component::text_encoder, skipping, {{"input_ids", ids}});
  EXPECT_NE(most.at("last_hidden_state"), all.at("last_hidden_state"));
  skipping.clip_skip = 100;
  const Result<Checkpoint> checkpoint = open_checkpoint(kSd15);
  EXPECT_TRUE(build_component(*checkpoint, Component::text_encoder, skipping)
                  .error()
                  .message.starts_with("clip skip 100 is not within 1 to this text encoder's"));
}

TEST(UnetOfRepeatedRows, RefusesABatchThatIsNoMultiple) {
  const Result<Checkpoint> checkpoint = open_checkpoint(kSd15);
  const auto built =
      build_component(*checkpoint, Component::unet,
                      {.batch = 3, .height = 8, .width = 8, .tokens = 77, .repeat = 2});
  EXPECT_EQ(built.error().message, "a batch of 3 is not 2 times the same rows");
}

TEST(ReferenceFinals, Sd2TextEncoder) {
  const Tensors want = load_layers("sd2.final");
  const Tensors got = run(kSd2, Component::text_encoder, {.batch = 3, .tokens = 77},
                          {{"input_ids", to_i32(want.at("ids"))}});
  test::expect_close("context", got.at("last_hidden_state"), want.at("context"), kBound);
}

TEST(ReferenceFinals, Sd2Unet) {
  const Tensors want = load_layers("sd2.final");
  expect_unet(kSd2, want, "1x8x8", "501");
  expect_unet(kSd2, want, "1x12x16", "37");
}

TEST(ReferenceFinals, Sd2Vae) {
  const Tensors want = load_layers("sd2.final");
  const Tensors image = run(kSd2, Component::vae_decoder, {.height = 8, .width = 12},
                            {{"latent", want.at("decode.8x12.latent")}});
  test::expect_close("image", image.at("image"), want.at("decode.8x12.image"), kBound);
  const Tensors moments = run(kSd2, Component::vae_encoder, {.height = 64, .width = 96},
                              {{"image", want.at("encode.64x96.image")}});
  test::expect_close("moments", moments.at("moments"), want.at("encode.64x96.moments"), kBound);
}

TEST(ReferenceFinals, BfloatWeightsAreWidened) {
  const Tensors want = load_layers("sd15_bf16.final");
  const auto weights =
      Weights::open(Part::text_encoder, kSd15 + "/text_encoder/model.bf16.safetensors");
  const Result<ClipTextConfig> config = read_text_encoder_config(*open_checkpoint(kSd15));
  const Result<ComponentGraph> component =
      build_text_encoder(*config, **weights, {.batch = 2, .tokens = 77});
  const Tensors got = run(*component, **weights, {{"input_ids", to_i32(want.at("ids"))}});
  test::expect_close("context", got.at("last_hidden_state"), want.at("context"), kBound);
}

// Row i of `got` [batch, hidden] is the row at token places[i] of `hidden` [batch, tokens, hidden].
void expect_rows(const Tensors& got, const std::vector<int64_t>& places) {
  const Tensor &pooled = got.at("pooler_output"), &hidden = got.at("last_hidden_state");
  const int64_t tokens = hidden.shape[1], width = hidden.shape[2];
  ASSERT_EQ(pooled.shape, (Shape{static_cast<int64_t>(places.size()), width}));
  for (size_t i = 0; i < places.size(); ++i) {
    const auto want = hidden.as<float>().subspan((i * tokens + places[i]) * width, width);
    const auto row = pooled.as<float>().subspan(i * width, width);
    EXPECT_TRUE(std::equal(row.begin(), row.end(), want.begin())) << "row " << i;
  }
}

// A word whose embedding is given as the table has it is the table's own word.
TEST(AddedTokens, AreRowsOfTheirInput) {
  const auto weights = open_weights(*open_checkpoint(kSd15), Part::text_encoder);
  const ClipTextConfig config = *read_text_encoder_config(*open_checkpoint(kSd15));
  const Tensor table = *load(*(*weights)->find("embeddings.token_embedding.weight"));
  const int64_t width = config.hidden_size;
  Tensor added(DType::f32, {3, width});
  std::vector<float> values(static_cast<size_t>(table.size()));
  widen_to_f32(table.dtype, table.data, values);
  std::copy_n(values.begin() + 7 * width, width, added.as<float>().begin() + 2 * width);
  const auto last = static_cast<int32_t>(config.vocab_size - 1);
  const Tensors plain =
      run(kSd15, Component::text_encoder, {.batch = 1, .tokens = 4},
          {{"input_ids", Tensor::of<int32_t>(DType::i32, {1, 4}, {0, 7, last, 7})}});
  const Tensors with =
      run(kSd15, Component::text_encoder, {.batch = 1, .tokens = 4, .added_tokens = 3},
          {{"input_ids", Tensor::of<int32_t>(DType::i32, {1, 4}, {0, last + 3, last, 7})},
           {"added_embeddings", added}});
  test::expect_close("hidden", with.at("last_hidden_state"), plain.at("last_hidden_state"), 0);
}

Tensors pool(int64_t eos_token_id, const std::vector<int32_t>& ids) {
  const Result<Checkpoint> checkpoint = open_checkpoint(kSd15);
  Result<ClipTextConfig> config = read_text_encoder_config(*checkpoint);
  config->eos_token_id = eos_token_id;
  const auto weights = open_weights(*checkpoint, Part::text_encoder);
  const int64_t tokens = static_cast<int64_t>(ids.size()) / 2;
  const Result<ComponentGraph> component =
      build_text_encoder(*config, **weights, {.batch = 2, .tokens = tokens});
  return run(*component, **weights,
             {{"input_ids", Tensor::of<int32_t>(DType::i32, {2, tokens}, ids)}});
}

TEST(PoolerOutput, IsTheRowOfTheFirstEndToken) {
  expect_rows(pool(999, {998, 5, 999, 999, 998, 999, 7, 999}), {2, 1});
}

TEST(PoolerOutput, IsTheRowOfTheLargestIdInConfigsWithTheOldEndToken) {
  expect_rows(pool(2, {998, 2, 3, 999, 998, 2, 999, 999}), {3, 2});
}

}  // namespace
}  // namespace tempera::frontend
