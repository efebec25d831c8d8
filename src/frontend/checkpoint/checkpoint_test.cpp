#include "frontend/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include "base/builtin.h"
#include "frontend/checkpoint/describe.h"
#include "frontend/checkpoint/weights_file.h"
#include "frontend/models/component.h"
#include "test/reference/golden.h"
#include "test/temp_folder.h"

namespace tempera::frontend {
namespace {

using test::data_path;
using test::TempFolder;

const std::string kSd15 = data_path("tiny/sd15"), kSd2 = data_path("tiny/sd2");

void expect_error(const auto& result, ErrorCode code, const std::string& message) {
  ASSERT_FALSE(result.ok()) << "expected: " << message;
  EXPECT_EQ(result.error().message, message);
  EXPECT_EQ(result.error().code, code);
}

TEST(OpenCheckpoint, FindsThePartsThatTheIndexNames) {
  const Result<Checkpoint> checkpoint = open_checkpoint(kSd15);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->pipeline_class, "StableDiffusionPipeline");
  ASSERT_EQ(checkpoint->parts.size(), 3u);
  EXPECT_EQ(checkpoint->find(Part::unet)->class_name, "UNet2DConditionModel");
  EXPECT_EQ(checkpoint->tokenizer_folder, kSd15 + "/tokenizer");
  EXPECT_EQ(checkpoint->scheduler_config, kSd15 + "/scheduler/scheduler_config.json");
  EXPECT_EQ(checkpoint->tempera_config, "");
}

TEST(OpenCheckpoint, APartThatTheIndexHasAsNullIsNotThere) {
  TempFolder folder;
  folder.link("unet", kSd15 + "/unet");
  folder.link("vae", kSd15 + "/vae");
  folder.write("model_index.json",
               R"({"unet": ["diffusers", "UNet2DConditionModel"], "vae": [null, null]})");
  const Result<Checkpoint> checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(checkpoint->find(Part::vae), nullptr);
  expect_error(build_component(*checkpoint, Component::vae_decoder, {}), ErrorCode::not_found,
               folder.path() + ": this checkpoint has no vae");
}

TEST(OpenCheckpoint, TakesFoldersOfSomePartsAndOfOne) {
  TempFolder folder;
  folder.link("vae", kSd15 + "/vae");
  EXPECT_EQ(*recognise_family(*open_checkpoint(folder.path())), "vae");
  const Result<Checkpoint> unet = open_checkpoint(kSd2 + "/unet");
  ASSERT_TRUE(unet.ok());
  EXPECT_EQ(*recognise_family(*unet), "sd2");
  EXPECT_TRUE(
      build_component(*unet, Component::unet, {.height = 8, .width = 8, .tokens = 77}).ok());
}

TEST(OpenCheckpoint, AFolderWithoutATokenizerGetsClips) {
  TempFolder folder;
  folder.link("text_encoder", kSd15 + "/text_encoder");
  EXPECT_EQ(open_checkpoint(folder.path())->tokenizer_folder, kClipTokenizer);
  TempFolder second;
  second.link("text_encoder", kSd2 + "/text_encoder");
  EXPECT_EQ(open_checkpoint(second.path())->tokenizer_folder, kClipTokenizerSd2);
  TempFolder none;
  none.link("vae", kSd2 + "/vae");
  EXPECT_EQ(open_checkpoint(none.path())->tokenizer_folder, "");
}

TEST(OpenCheckpoint, RefusesWhatIsNoCheckpoint) {
  TempFolder folder;
  const std::string missing = folder.path("missing");
  expect_error(open_checkpoint(missing), ErrorCode::not_found,
               missing + ": no such file or folder");
  expect_error(
      open_checkpoint(folder.path()), ErrorCode::not_found,
      folder.path() + ": no folder text_encoder, unet or vae in it; is this a diffusers folder?");
}

TEST(ChooseWeightsFile, PrefersPlainThenHalfThenBfloat) {
  TempFolder folder;
  for (const std::string name :
       {"pytorch_model.bin", "model.safetensors.index.json", "model.non_ema.safetensors",
        "model.bf16.safetensors", "model.fp16.safetensors", "model.safetensors"}) {
    const std::string file = folder.write(name, "");
    EXPECT_EQ(*choose_weights_file(Part::text_encoder, folder.path()), file);
  }
}

TEST(ChooseWeightsFile, TakesTheTrainedUnetWhereTheAverageIsNotWanted) {
  TempFolder folder;
  const std::string plain = folder.write("diffusion_pytorch_model.safetensors", "");
  const std::string trained = folder.write("diffusion_pytorch_model.non_ema.safetensors", "");
  EXPECT_EQ(*choose_weights_file(Part::unet, folder.path(), false), trained);
  EXPECT_EQ(*choose_weights_file(Part::unet, folder.path(), true), plain);
}

TEST(ChooseWeightsFile, NamesWhatItLooksFor) {
  TempFolder folder;
  expect_error(choose_weights_file(Part::unet, folder.path()), ErrorCode::not_found,
               folder.path() +
                   ": no diffusion_pytorch_model.safetensors, nor its .fp16, .bf16, "
                   "sharded or pickled (.bin) form; is the download complete?");
}

TEST(Family, IsToldByTheConfigs) {
  EXPECT_EQ(*recognise_family(*open_checkpoint(kSd15)), "sd1");
  EXPECT_EQ(*recognise_family(*open_checkpoint(kSd2)), "sd2");
  TempFolder folder;
  folder.write("unet/config.json", R"({"in_channels": 9})");
  EXPECT_EQ(*recognise_family(*open_checkpoint(folder.path())), "sd1-inpaint");
}

TEST(Describe, CountsParametersAndTensors) {
  const Result<Description> description = describe(kSd15);
  ASSERT_TRUE(description.ok()) << description.error().message;
  EXPECT_EQ(description->family, "sd1");
  ASSERT_EQ(description->parts.size(), 3u);
  const PartDescription& text = description->parts[0];
  EXPECT_EQ(text.name, "text_encoder");
  EXPECT_EQ(text.parameters, 59936);  // without position_ids
  EXPECT_EQ(text.tensors.size(), 37u);
  ASSERT_EQ(text.dtypes.size(), 2u);
  EXPECT_EQ(text.dtypes[0].dtype, DType::f16);
  EXPECT_EQ(text.dtypes[0].bytes, 2 * 59936);
  EXPECT_EQ(text.dtypes[1].dtype, DType::i64);
}

TEST(Describe, ALoneFileIsOfUnknownFamily) {
  const Result<Description> description =
      describe(data_path("layers/sd15.text_encoder.safetensors"));
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->family, "unknown");
  ASSERT_EQ(description->parts.size(), 1u);
  EXPECT_EQ(description->parts[0].tensors.size(), 18u);
}

TEST(Build, ReadsNoOtherPart) {
  TempFolder folder;
  folder.link("unet", kSd15 + "/unet");
  folder.write("vae/config.json", "not JSON");
  folder.write("text_encoder/model.safetensors", "not safetensors");
  const Result<Checkpoint> checkpoint = open_checkpoint(folder.path());
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_TRUE(
      build_component(*checkpoint, Component::unet, {.height = 8, .width = 8, .tokens = 77}).ok());
}

TEST(Build, RefusesSizesThatCannotBe) {
  const Result<Checkpoint> checkpoint = open_checkpoint(kSd15);
  expect_error(build_component(*checkpoint, Component::text_encoder, {.tokens = 78}),
               ErrorCode::invalid_argument,
               "78 tokens do not fit this text encoder, which takes up to 77");
  expect_error(build_component(*checkpoint, Component::vae_encoder, {.height = 64, .width = 4}),
               ErrorCode::invalid_argument,
               "an image of 64 x 4 is too small for this VAE, which needs at least 8 x 8");
  expect_error(
      build_component(*checkpoint, Component::unet, {.height = 0, .width = 8, .tokens = 77}),
      ErrorCode::invalid_argument, "height is 0, expected 1 to 16384");
  expect_error(build_component(*checkpoint, Component::vae_decoder,
                               {.batch = 1 << 20, .height = 8, .width = 8}),
               ErrorCode::invalid_argument, "batch is 1048576, expected 1 to 1024");
}

// A part of sd15 with its tensors changed by `edit`.
class EditedPart {
 public:
  EditedPart(Part part, const std::string& stem, const auto& edit)
      : part_(part), file_(stem + ".safetensors") {
    const std::string source = kSd15 + "/" + std::string(name(part));
    test::Tensors tensors = test::load_tensors(source + "/" + stem + ".fp16.safetensors");
    edit(tensors);
    std::vector<TensorView> views;
    for (const auto& [name, tensor] : tensors) views.push_back(view(name, tensor));
    folder_.link("config.json", source + "/config.json");
    EXPECT_TRUE(write_safetensors(folder_.path(file_), views).ok());
  }
  Result<BuiltComponent> build(Component component) const {
    return build_component(*open_checkpoint(folder_.path()), component,
                           {.height = 8, .width = 8, .tokens = 77});
  }
  void expect_data_loss(Component component, const std::string& message) const {
    expect_error(build(component), ErrorCode::data_loss, folder_.path(file_) + ": " + message);
  }

 private:
  Part part_;
  TempFolder folder_;
  std::string file_;
};

EditedPart edited_text(const auto& edit) { return {Part::text_encoder, "model", edit}; }
EditedPart edited_vae(const auto& edit) { return {Part::vae, "diffusion_pytorch_model", edit}; }

const std::string kFc1 = "text_model.encoder.layers.1.mlp.fc1.weight";

TEST(Weights, MissingTensorIsNamed) {
  edited_text([](test::Tensors& t) { t.erase(kFc1); })
      .expect_data_loss(
          Component::text_encoder,
          "tensor 'text_model.encoder.layers.1.mlp.fc1.weight' of shape [128, 32] is missing, "
          "which the model's "
          "config asks for");
}

TEST(Weights, WrongShapeShowsBoth) {
  edited_text([](test::Tensors& t) { t[kFc1] = Tensor(DType::f16, {32, 128}); })
      .expect_data_loss(Component::text_encoder,
                        "tensor '" + kFc1 +
                            "' has shape [32, 128], expected [128, 32] by the model's config; "
                            "do both belong together?");
}

TEST(Weights, WrongRankShowsBoth) {
  edited_text([](test::Tensors& t) { t[kFc1] = Tensor(DType::f16, {4096}); })
      .expect_data_loss(
          Component::text_encoder,
          "tensor '" + kFc1 +
              "' has 1 dimensions, [4096], expected 2, [128, 32], by the model's config");
}

TEST(Weights, IntegersAreNoWeights) {
  edited_text([](test::Tensors& t) { t[kFc1] = Tensor(DType::i8, {128, 32}); })
      .expect_data_loss(Component::text_encoder,
                        "tensor '" + kFc1 + "' is of i8, expected a floating-point weight");
}

TEST(Weights, NineInputChannelsHintAtInpainting) {
  EditedPart(Part::unet, "diffusion_pytorch_model",
             [](test::Tensors& t) { t["conv_in.weight"] = Tensor(DType::f16, {32, 9, 3, 3}); })
      .expect_data_loss(Component::unet,
                        "tensor 'conv_in.weight' has 9 input channels, the model's config says 4; "
                        "is this an inpainting "
                        "checkpoint?");
}

TEST(Weights, ExtraTensorsAreFine) {
  EXPECT_TRUE(edited_text([](test::Tensors& t) { t["more"] = Tensor(DType::f16, {3}); })
                  .build(Component::text_encoder)
                  .ok());
}

TEST(Weights, NamesWithoutPrefixAndOldAttentionNamesAreFound) {
  const auto without_prefix = [](test::Tensors& t) {
    test::Tensors renamed;
    for (auto& [name, tensor] : t) renamed[name.substr(std::string("text_model.").size())] = tensor;
    t = renamed;
  };
  EXPECT_TRUE(edited_text(without_prefix).build(Component::text_encoder).ok());
  const auto old_names = [](test::Tensors& t) {
    for (const std::string side : {"decoder", "encoder"})
      for (const auto& [now, then] : {std::pair{"to_q", "query"},
                                      {"to_k", "key"},
                                      {"to_v", "value"},
                                      {"to_out.0", "proj_attn"}})
        for (const std::string leaf : {".weight", ".bias"}) {
          auto entry = t.extract(side + ".mid_block.attentions.0." + now + leaf);
          entry.key() = side + ".mid_block.attentions.0." + then + leaf;
          t.insert(std::move(entry));
        }
  };
  EXPECT_TRUE(edited_vae(old_names).build(Component::vae_decoder).ok());
  EXPECT_TRUE(edited_vae(old_names).build(Component::vae_encoder).ok());
}

TEST(Weights, OneWeightUnderTwoNamesIsRefused) {
  edited_text([](test::Tensors& t) { t["final_layer_norm.bias"] = Tensor(DType::f16, {32}); })
      .expect_data_loss(Component::text_encoder,
                        "tensors 'final_layer_norm.bias' and 'text_model.final_layer_norm.bias' "
                        "are the same weight "
                        "under two names");
}

}  // namespace
}  // namespace tempera::frontend
