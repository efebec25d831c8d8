#include "api/compile/adapters.h"

#include <gtest/gtest.h>

#include "api/compile/compile.h"
#include "api/run/run_component.h"
#include "tensor_file/safetensors.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";
const std::string kModule = "lora_te_text_model_encoder_layers_0_mlp_fc1";
const std::string kWeight = "encoder.layers.0.mlp.fc1.weight";

Tensor ramp(Shape shape, float step) {
  Tensor tensor(DType::f32, std::move(shape));
  float value = -1;
  for (float& x : tensor.as<float>()) x = value = value > 1 ? -1 : value + step;
  return tensor;
}

// A LoRA of rank 1 with alpha 0.5 on one layer of tiny/sd15's text encoder.
struct LoraOnDisk {
  test::TempFolder folder;
  std::string path = folder.path("ink.safetensors");
  Tensor up, down;

  explicit LoraOnDisk(const Shape& weight)
      : up(ramp({weight[0], 1}, 0.3F)), down(ramp({1, weight[1]}, 0.7F)) {
    const Tensor alpha = Tensor::of<float>(DType::f32, {}, {0.5F});
    EXPECT_TRUE(write_safetensors(path, {view(kModule + ".lora_up.weight", up),
                                         view(kModule + ".lora_down.weight", down),
                                         view(kModule + ".alpha", alpha)})
                    .ok());
  }
};

bool is_changed(const std::string& name) { return name.ends_with(kWeight); }

Shape shape_of_changed() {
  const ModelSource source = *open_model(kTiny, {.threads = 1}, {"text_encoder"});
  const NamedTensors weights = *source.weights("text_encoder");
  return std::ranges::find_if(weights, [](const auto& w) { return is_changed(w.first); })
      ->second.shape;
}

// The weight plus strength * alpha * up down, rounded to f16 once.
Tensor merged_by_hand(Tensor weight, const LoraOnDisk& lora, float strength) {
  const auto up = lora.up.as<float>(), down = lora.down.as<float>();
  const auto values = weight.as<uint16_t>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = f32_to_f16(f16_to_f32(values[i]) +
                           0.5F * strength * (up[i / down.size()] * down[i % down.size()]));
  return weight;
}

Tensor encode(ModelSource source, bool* was_cached = nullptr) {
  const auto session = *Session::open(std::move(source), "cpu", 1);
  const Tensor ids = Tensor::of<int32_t>(DType::i32, {1, 5}, {998, 5, 17, 300, 999});
  const BoundInputs input = *bind_inputs(session->info(), "text_encoder", {{"input_ids", ids}});
  if (was_cached != nullptr) *was_cached = (*session->compiled(input.request))->was_cached;
  const Result<ComponentRun> run = run_component(*session, input);
  EXPECT_TRUE(run.ok()) << run.error().message;
  return run->outputs[0].second;
}

ModelSource open_tiny(const std::vector<LoraSetting>& loras, const std::string& cache) {
  Result<ModelSource> source =
      open_model(kTiny, {.threads = 1, .cache_folder = cache, .loras = loras}, {"text_encoder"});
  EXPECT_TRUE(source.ok()) << source.error().message;
  return std::move(source).value();
}

TEST(WithLoras, RunsTheMergedModelAndCompilesNothing) {
  const LoraOnDisk lora(shape_of_changed());
  const std::string cache = lora.folder.path("cache");
  const Tensor plain = encode(open_tiny({}, cache));
  bool was_cached = false;
  const Tensor with = encode(open_tiny({{lora.path, 0.75, 1}}, cache), &was_cached);
  EXPECT_TRUE(was_cached) << "plans do not depend on the values of weights";
  EXPECT_NE(with, plain);

  ModelSource by_hand = open_tiny({}, cache);
  by_hand.weights = [&,
                     original = by_hand.weights](const std::string& part) -> Result<NamedTensors> {
    ASSIGN_OR_RETURN(NamedTensors weights, original(part));
    for (auto& [name, tensor] : weights)
      if (is_changed(name)) tensor = stored(merged_by_hand(*load(tensor), lora, 0.75F));
    return weights;
  };
  EXPECT_EQ(with, encode(std::move(by_hand)));
  EXPECT_EQ(encode(open_tiny({{lora.path, 0, 1}}, cache)), plain) << "strength 0";
}

TEST(WithLoras, TellsWhatDoesNotFitBeforeAnythingIsCompiled) {
  const test::TempFolder folder;
  const std::string path = folder.path("wide.safetensors");
  const Tensor up = ramp({3, 1}, 0.5F), down = ramp({1, 5}, 0.5F);
  ASSERT_TRUE(write_safetensors(path, {view(kModule + ".lora_up.weight", up),
                                       view(kModule + ".lora_down.weight", down)})
                  .ok());
  const auto source = open_model(kTiny, {.threads = 1, .loras = {{path, 1, 1}}}, {"text_encoder"});
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(source.error().message.find("changes a weight of 3 x 5, the model's is ["),
            std::string::npos)
      << source.error().message;
  const auto gone = open_model(kTiny, {.threads = 1, .loras = {{path + "x", 1, 1}}}, {});
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tempera::api
