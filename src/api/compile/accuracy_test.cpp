#include "api/compile/accuracy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "api/compile/lower_component.h"
#include "tensor_file/module_name.h"
#include "tensor_file/safetensors.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

Result<std::unique_ptr<Session>> open_text_encoder(const std::string& weights) {
  ASSIGN_OR_RETURN(ModelSource source, open_model(kTiny, {.threads = 1}, {"text_encoder"}));
  if (!weights.empty())
    source.weights = [weights](const std::string&) -> Result<NamedTensors> {
      ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(weights));
      return by_module_name("text_encoder", file.tensors(), weights);
    };
  return Session::open(std::move(source), "cpu", 1);
}

// The weights with all values of one tensor times 1.01.
void write_perturbed(const std::string& from, const std::string& name, const std::string& to) {
  const auto file = SafetensorsFile::open(from);
  ASSERT_TRUE(file.ok()) << file.error().message;
  std::vector<Tensor> tensors;
  for (const TensorInfo& info : file->tensors()) tensors.push_back(file->load(info));
  std::vector<TensorView> views;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& info = file->tensors()[i];
    if (info.name == name)
      for (uint16_t& bits : tensors[i].as<uint16_t>()) bits = f32_to_f16(1.01F * f16_to_f32(bits));
    views.push_back(view(info.name, tensors[i]));
  }
  ASSERT_TRUE(write_safetensors(to, views).ok());
}

BoundInputs text_input(const Session& session) {
  const Tensor ids = Tensor::of<int32_t>(DType::i32, {1, 5}, {998, 5, 17, 300, 999});
  return *bind_inputs(session.info(), "text_encoder", {{"input_ids", ids}});
}

// A setting that spoils one layer is caught at that layer, and at no later one.
TEST(CompareLayers, FindTheLayerThatIsOff) {
  const std::string layer = "text_model.encoder.layers.0.mlp.fc1";
  const test::TempFolder folder;
  const std::string weights = folder.path("model.safetensors");
  const auto reference = open_text_encoder("");
  ASSERT_TRUE(reference.ok()) << reference.error().message;
  write_perturbed((*reference)->info().weights.at("text_encoder"), layer + ".weight", weights);
  const auto spoiled = open_text_encoder(weights);
  ASSERT_TRUE(spoiled.ok()) << spoiled.error().message;

  const BoundInputs input = text_input(**reference);
  const auto checkpoint = frontend::open_checkpoint(kTiny);
  const auto layers = layers_of(*checkpoint, input.request);
  ASSERT_TRUE(layers.ok()) << layers.error().message;
  const auto errors = compare_layers(**reference, **spoiled, input, *layers);
  ASSERT_TRUE(errors.ok()) << errors.error().message;
  ASSERT_EQ(errors->size(), layers->size());
  for (const LayerError& error : *errors) {
    if (layer.ends_with(error.layer)) {
      EXPECT_GT(error.error, 0.005) << error.layer;
      EXPECT_LT(error.error, 0.02) << error.layer;
    } else {
      EXPECT_EQ(error.error, 0) << error.layer;
    }
  }
}

// Computed layer by layer, the last values are those of the component as a whole.
TEST(CompareLayers, LayersAloneGiveWhatTheComponentGives) {
  const auto session = open_text_encoder("");
  ASSERT_TRUE(session.ok());
  BoundInputs input = text_input(**session);
  const auto checkpoint = frontend::open_checkpoint(kTiny);
  const auto layers = layers_of(*checkpoint, input.request);
  const auto alone = compare_layers(**session, **session, input, *layers);
  ASSERT_TRUE(alone.ok()) << alone.error().message;
  input.request.keep = {"*"};
  const auto whole = run_component(**session, input);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  size_t seen = 0;
  for (const auto& [name, tensor] : whole->outputs) {
    const auto at = std::ranges::find(*alone, name, &LayerError::layer);
    if (at == alone->end()) continue;
    double sum = 0;
    for (const float x : tensor.as<float>()) sum += static_cast<double>(x) * x;
    const double rms = std::sqrt(sum / static_cast<double>(tensor.size()));
    EXPECT_NEAR(at->rms, rms, 1e-5 * rms) << name;
    ++seen;
  }
  EXPECT_EQ(seen, alone->size());
}

TEST(Layers, AreEachValueOnceAfterWhatTheyRead) {
  const auto checkpoint = frontend::open_checkpoint(kTiny);
  const ComponentRequest request{.component = "unet", .height = 8, .width = 8, .tokens = 5};
  const auto layers = layers_of(*checkpoint, request);
  ASSERT_TRUE(layers.ok()) << layers.error().message;
  std::set<std::string> known = {"sample", "timestep", "encoder_hidden_states"};
  for (const Layer& layer : *layers) {
    for (const std::string& name : layer.reads)
      EXPECT_TRUE(known.contains(name)) << layer.name << " reads " << name;
    EXPECT_TRUE(known.insert(layer.name).second) << layer.name;
  }
  EXPECT_TRUE(known.contains("conv_out"));
  EXPECT_TRUE(known.contains("down_blocks.0.resnets.0.conv1"));
}

TEST(Layers, OneThatIsNotThereIsAnError) {
  const auto checkpoint = frontend::open_checkpoint(kTiny);
  const auto built = build_requested(
      *checkpoint, {.component = "text_encoder", .tokens = 4, .layer = "down_blocks.0"});
  EXPECT_EQ(built.error().message, "text_encoder has no layer 'down_blocks.0'");
}

// What a bf16 setting would store is rounded, small values and f32 are not.
TEST(Layers, LargeValuesAreRoundedAsTheyWouldLieInMemory) {
  const auto checkpoint = frontend::open_checkpoint(kTiny);
  const ComponentRequest request{.component = "text_encoder", .tokens = 4, .layer = "embeddings"};
  const auto casts = [&](const graph::Precision& precision) {
    RequestedGraph layer = *build_requested(*checkpoint, request);
    store_outputs(layer, precision);
    const auto to_bf16 = [](const graph::Value& value) { return value.dtype == DType::bf16; };
    return std::ranges::count_if(layer.own.values(), to_bf16);
  };
  EXPECT_EQ(casts({}), 0);
  EXPECT_EQ(casts({.storage = DType::bf16}), 1);
}

Accuracy accuracy_of(double layer_error, double psnr) {
  return {.bounds = {.layer_error = 0.01, .picture_psnr = 30},
          .components = {{"unet", {{"a", 0.001, 1}, {"b", layer_error, 1}, {"c", 0.003, 1}}}},
          .pictures = {{{"x", 1}, 50}, {{"y", 2}, psnr}}};
}

TEST(AccuracyBounds, HoldOrNameTheWorst) {
  EXPECT_TRUE(check_bounds(accuracy_of(0.01, 30)).ok());
  EXPECT_EQ(
      check_bounds(accuracy_of(0.02, 29)).error().message,
      "layer b of unet is off by 2 %, more than 1 %; a picture is at 29.0 dB, less than 30 dB");
  EXPECT_FALSE(check_bounds(accuracy_of(NAN, 40)).ok());
  EXPECT_FALSE(check_bounds(accuracy_of(INFINITY, 40)).ok());
}

TEST(AccuracyReport, HasWorstMedianAndNoInfinity) {
  const Json json = to_json(accuracy_of(0.02, INFINITY));
  EXPECT_EQ(json["components"][0]["worst"]["layer"], "b");
  EXPECT_EQ(json["components"][0]["median"], 0.003);
  EXPECT_TRUE(json["pictures"][1]["psnr"].is_null());
  EXPECT_EQ(json["within_bounds"], false);
}

}  // namespace
}  // namespace tempera::api
