#include "frontend/checkpoint/single_file.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "base/builtin.h"
#include "tensor_file/safetensors.h"
#include "test/reference/golden.h"
#include "test/temp_folder.h"

namespace tempera::frontend {
namespace {

using test::data_path;
using test::TempFolder;

const std::string kSd15 = data_path("tiny/sd15"), kSd2 = data_path("tiny/sd2");

using Tensors = std::map<std::string, Tensor>;
using Metadata = std::vector<std::pair<std::string, std::string>>;

Tensors read_part(const Checkpoint& checkpoint, Part part) {
  Tensors tensors;
  const auto weights = open_weights(checkpoint, part);
  CHECK(weights.ok(), "{}", weights.error().message);
  for (const auto& [name, tensor] : (*weights)->tensors())
    if (is_float(tensor.dtype)) tensors.emplace(name, load(tensor).value());
  return tensors;
}

using Rules = std::vector<std::pair<std::string, std::string>>;

std::string rewritten(std::string name, const Rules& rules) {
  for (const auto& [pattern, replacement] : rules)
    name = std::regex_replace(name, std::regex(pattern), replacement);
  return name;
}

// The names of the original code for diffusers' ones: the inverse of tensor_file/ldm_names.h,
// written apart from it. `layers` is layers_per_block.
std::string ldm_unet_name(const std::string& name, int layers) {
  static const Rules kResnet = {
      {"norm1\\.", "in_layers.0."},      {"conv1\\.", "in_layers.2."},
      {"time_emb_proj", "emb_layers.1"}, {"norm2\\.", "out_layers.0."},
      {"conv2\\.", "out_layers.3."},     {"conv_shortcut", "skip_connection"}};
  static const Rules kEnds = {{"^conv_in", "input_blocks.0.0"},
                              {"^conv_norm_out", "out.0"},
                              {"^conv_out", "out.2"},
                              {"^time_embedding.linear_1", "time_embed.0"},
                              {"^time_embedding.linear_2", "time_embed.2"},
                              {"^mid_block.attentions.0", "middle_block.1"}};
  static const std::regex kBlock("(down|up)_blocks\\.(\\d)\\.(\\w+)\\.(\\d)\\.(.*)");
  static const std::regex kMiddle("mid_block\\.resnets\\.(\\d)\\.(.*)");
  std::smatch m;
  if (std::regex_match(name, m, kMiddle))
    return fmt::format("middle_block.{}.{}", 2 * std::stoi(m[1]), rewritten(m[2], kResnet));
  if (!std::regex_match(name, m, kBlock)) return rewritten(name, kEnds);
  const bool is_down = m[1] == "down";
  const int block = std::stoi(m[2]), index = std::stoi(m[4]);
  const std::string kind = m[3], tail = m[5];
  const int first = block * (layers + 1) + (is_down ? 1 : 0);
  const std::string list = is_down ? "input_blocks" : "output_blocks";
  if (kind == "downsamplers")
    return fmt::format("{}.{}.0.op.{}", list, first + layers, tail.substr(tail.find('.') + 1));
  if (kind == "upsamplers")
    return fmt::format("{}.{}.{}.{}", list, first + layers, block == 0 ? 1 : 2, tail);
  if (kind == "attentions") return fmt::format("{}.{}.1.{}", list, first + index, tail);
  return fmt::format("{}.{}.0.{}", list, first + index, rewritten(tail, kResnet));
}

std::string ldm_vae_name(std::string name) {
  static const Rules kRules = {{"conv_shortcut", "nin_shortcut"},
                               {"conv_norm_out", "norm_out"},
                               {"mid_block.resnets.0", "mid.block_1"},
                               {"mid_block.resnets.1", "mid.block_2"},
                               {"mid_block.attentions.0.group_norm", "mid.attn_1.norm"},
                               {"mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"},
                               {"mid_block.attentions.0.to_", "mid.attn_1."},
                               {"down_blocks.(\\d).resnets.(\\d)", "down.$1.block.$2"},
                               {"down_blocks.(\\d).downsamplers.0", "down.$1.downsample"},
                               {"up_blocks.0.", "up.3."},
                               {"up_blocks.1.", "up.2."},
                               {"up_blocks.2.", "up.1."},
                               {"up_blocks.3.", "up.0."},
                               {"resnets.(\\d)", "block.$1"},
                               {"upsamplers.0", "upsample"}};
  return rewritten(std::move(name), kRules);
}

std::string open_clip_name(std::string name) {
  static const Rules kRules = {{"^embeddings.token_embedding", "token_embedding"},
                               {"^embeddings.position_embedding.weight", "positional_embedding"},
                               {"^final_layer_norm", "ln_final"},
                               {"^encoder.layers", "transformer.resblocks"},
                               {"layer_norm", "ln_"},
                               {"mlp.fc1", "mlp.c_fc"},
                               {"mlp.fc2", "mlp.c_proj"},
                               {"self_attn.out_proj", "attn.out_proj"}};
  return rewritten(std::move(name), kRules);
}

void fuse(const std::string& name, const Tensors& all, Tensors& file) {
  static const std::regex kQuery("encoder.layers.(\\d+).self_attn.q_proj.(\\w+)");
  std::smatch m;
  if (!std::regex_match(name, m, kQuery)) return;
  Tensor fused = all.at(name);
  for (const char* other : {"k_proj", "v_proj"}) {
    const Tensor& part = all.at(std::regex_replace(name, std::regex("q_proj"), other));
    fused.data.insert(fused.data.end(), part.data.begin(), part.data.end());
  }
  fused.shape[0] *= 3;
  file.emplace(fmt::format("cond_stage_model.model.transformer.resblocks.{}.attn.in_proj_{}",
                           m[1].str(), m[2].str()),
               std::move(fused));
}

// A checkpoint folder as its authors would have written it.
Tensors single_file(const Checkpoint& folder, bool open_clip, int layers) {
  Tensors file;
  for (auto& [name, tensor] : read_part(folder, Part::unet))
    file.emplace("model.diffusion_model." + ldm_unet_name(name, layers), tensor);
  for (auto& [name, tensor] : read_part(folder, Part::vae)) {
    Tensor stored = tensor;
    if (name.find(".to_") != std::string::npos && stored.shape.size() == 2)
      stored.shape.insert(stored.shape.end(), {1, 1});
    file.emplace("first_stage_model." + ldm_vae_name(name), std::move(stored));
  }
  const Tensors text = read_part(folder, Part::text_encoder);
  for (const auto& [name, tensor] : text) {
    if (!open_clip)
      file.emplace("cond_stage_model.transformer.text_model." + name, tensor);
    else if (name.find("self_attn.") == std::string::npos ||
             name.find("out_proj") != std::string::npos)
      file.emplace("cond_stage_model.model." + open_clip_name(name), tensor);
    else
      fuse(name, text, file);
  }
  return file;
}

std::string write(TempFolder& folder, const Tensors& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back(view(name, tensor));
  const std::string path = folder.path("model.safetensors");
  CHECK(write_safetensors(path, std::move(views)).ok(), "{}", path);
  return path;
}

Checkpoint open(const std::string& path, const CheckpointOptions& options = {}) {
  Result<Checkpoint> opened = open_checkpoint(path, options);
  CHECK(opened.ok(), "{}", opened.error().message);
  return std::move(opened).value();
}

void expect_same(const Checkpoint& file, const Checkpoint& folder) {
  for (const Part part : {Part::text_encoder, Part::unet, Part::vae})
    EXPECT_TRUE(read_part(file, part) == read_part(folder, part)) << name(part);
}

TEST(SingleFile, HoldsTheTensorsOfItsFolder) {
  TempFolder temporary;
  const Checkpoint folder = open(kSd15);
  const Checkpoint file = open(write(temporary, single_file(folder, false, 2)));
  expect_same(file, folder);
  EXPECT_EQ(*recognise_family(file), "sd1");
  EXPECT_EQ(file.tokenizer_folder, kClipTokenizer);
  EXPECT_EQ(file.scheduler_config, kSd1Scheduler);
}

TEST(SingleFile, UnderstandsOpenClipAndLinearProjections) {
  TempFolder temporary;
  const Checkpoint folder = open(kSd2);
  const Checkpoint file = open(write(temporary, single_file(folder, true, 1)));
  expect_same(file, folder);
  EXPECT_EQ(*recognise_family(file), "sd2");
  EXPECT_EQ(file.tokenizer_folder, kClipTokenizerSd2);
  EXPECT_EQ(file.scheduler_config, kSd2Scheduler);
}

TEST(SingleFile, SaysItselfWhatItPredicts) {
  TempFolder temporary;
  const auto scheduler = [&](const Tensors& tensors, const Metadata& metadata) {
    std::vector<TensorView> views;
    for (const auto& [name, tensor] : tensors) views.push_back(view(name, tensor));
    const std::string path = temporary.path("model.safetensors");
    EXPECT_TRUE(write_safetensors(path, std::move(views), metadata).ok());
    return open(path).scheduler_config;
  };
  Tensors sd1 = single_file(open(kSd15), false, 2);
  const Tensors sd2 = single_file(open(kSd2), true, 1);
  EXPECT_EQ(scheduler(sd1, {{"modelspec.prediction_type", "v"}}), kSd2Scheduler);
  EXPECT_EQ(scheduler(sd1, {{"modelspec.prediction_type", "what"}}), kSd1Scheduler);
  EXPECT_EQ(scheduler(sd2, {{"modelspec.prediction_type", "epsilon"}}), kSd1Scheduler);
  EXPECT_EQ(scheduler(sd2, {{"modelspec.architecture", "stable-diffusion-v2-512"}}), kSd1Scheduler);
  sd1.emplace("v_pred", Tensor(DType::f32, {0}));
  EXPECT_EQ(scheduler(sd1, {{"modelspec.prediction_type", "epsilon"}}), kSd2Scheduler);
  sd1.emplace("ztsnr", Tensor(DType::f32, {0}));
  EXPECT_EQ(scheduler(sd1, {}), kZeroSnrScheduler);
  temporary.write("model.yaml",
                  "model:\n  params:\n    # parameterization: \"v\"\n"
                  "    parameterization: \"eps\"  # noise\r\n");
  EXPECT_EQ(scheduler(sd2, {}), kSd1Scheduler);
  temporary.write("model.yaml", "    parameterization: v");
  EXPECT_EQ(scheduler(single_file(open(kSd15), false, 2), {}), kSd2Scheduler);
}

TEST(SingleFile, NamesTensorsAsItStoresThem) {
  TempFolder temporary;
  const auto stored = [](const Checkpoint& file, Part part, std::string_view name) {
    return (*open_weights(file, part))->stored_name(name);
  };
  const Checkpoint sd2 = open(write(temporary, single_file(open(kSd2), true, 1)));
  EXPECT_EQ(stored(sd2, Part::unet, "conv_in.bias"), "model.diffusion_model.input_blocks.0.0.bias");
  EXPECT_EQ(stored(sd2, Part::text_encoder, "encoder.layers.0.self_attn.k_proj.weight"),
            "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight");
  EXPECT_EQ(stored(sd2, Part::vae, "decoder.mid_block.attentions.0.to_q.weight"),
            "first_stage_model.decoder.mid.attn_1.q.weight");
  EXPECT_EQ(stored(open(kSd15), Part::text_encoder, "final_layer_norm.bias"),
            "text_model.final_layer_norm.bias");
}

TEST(SingleFile, TellsTheConfigsByShapes) {
  TempFolder temporary;
  const Checkpoint folder = open(kSd15);
  const Checkpoint file = open(write(temporary, single_file(folder, false, 2)));
  const UnetConfig inferred = *read_unet_config(file), own = *read_unet_config(folder);
  EXPECT_EQ(inferred.in_channels, own.in_channels);
  EXPECT_EQ(inferred.cross_attention_dim, own.cross_attention_dim);
  EXPECT_EQ(inferred.down_has_attention, own.down_has_attention);
  EXPECT_EQ(inferred.up_has_attention, own.up_has_attention);
  ASSERT_EQ(inferred.levels.size(), own.levels.size());
  for (size_t i = 0; i < own.levels.size(); ++i) {
    EXPECT_EQ(inferred.levels[i].channels, own.levels[i].channels);
    EXPECT_EQ(inferred.levels[i].layers, own.levels[i].layers);
    EXPECT_EQ(inferred.levels[i].heads, own.levels[i].heads);
  }
  EXPECT_EQ(read_vae_config(file)->block_out_channels, read_vae_config(folder)->block_out_channels);
  EXPECT_EQ(read_vae_config(file)->layers_per_block, read_vae_config(folder)->layers_per_block);
  EXPECT_EQ(read_text_encoder_config(file)->vocab_size, 1000);
  EXPECT_EQ(read_text_encoder_config(file)->intermediate_size, 128);
}

TEST(SingleFile, TakesConfigsOfAFolderAndAnotherVae) {
  TempFolder temporary;
  const std::string path = write(temporary, single_file(open(kSd15), false, 2));
  const Checkpoint file = open(path, {.config = kSd15, .vae = kSd2});
  EXPECT_EQ(read_text_encoder_config(file)->num_attention_heads, 4);
  EXPECT_EQ(file.tokenizer_folder, kSd15 + "/tokenizer");
  EXPECT_TRUE(read_part(file, Part::vae) == read_part(open(kSd2), Part::vae));
  EXPECT_EQ(open_checkpoint(path, {.vae = kSd15 + "/unet"}).error().message,
            "--vae " + kSd15 + "/unet: holds no VAE");
}

TEST(SingleFile, PrefersTheMovingAverageWhenAsked) {
  TempFolder temporary;
  Tensors tensors = single_file(open(kSd15), false, 2);
  Tensor average = tensors.at("model.diffusion_model.out.2.bias");
  average.data[0] ^= std::byte{1};
  tensors.emplace("model_ema.diffusion_modelout2bias", average);
  const std::string path = write(temporary, tensors);
  const auto bias = [&](std::optional<bool> ema) {
    return read_part(open(path, {.prefers_ema = ema}), Part::unet).at("conv_out.bias");
  };
  EXPECT_TRUE(bias(true) == average);
  EXPECT_FALSE(bias(std::nullopt) == average);
  EXPECT_FALSE(bias(false) == average);
}

std::string refusal(const std::string& tensor, const Shape& shape = {1}) {
  TempFolder temporary;
  const std::string path = write(temporary, {{tensor, Tensor(DType::f32, shape)}});
  const std::string message = open_checkpoint(path).error().message;
  return message.substr(path.size() + 2);
}

TEST(SingleFile, RefusesOtherModelsByName) {
  EXPECT_EQ(refusal("conditioner.embedders.0.transformer.text_model.final_layer_norm.bias"),
            "tensor 'conditioner.embedders.0.transformer.text_model.final_layer_norm.bias' belongs "
            "to SDXL, which is not supported yet; SD 1.x and 2.x are");
  EXPECT_NE(refusal("control_model.input_blocks.0.0.weight").find("ControlNet"), std::string::npos);
  EXPECT_NE(refusal("model.diffusion_model.joint_blocks.0.x").find("Stable Diffusion 3"),
            std::string::npos);
  EXPECT_NE(refusal("double_blocks.0.img_attn.qkv.weight").find("FLUX"), std::string::npos);
  EXPECT_NE(refusal("lora_unet_mid_block_attentions_0_proj_in.alpha").find("--lora"),
            std::string::npos);
  EXPECT_EQ(refusal("weight"),
            "none of its 1 tensors is of a Stable Diffusion UNet, VAE or text encoder");
}

TEST(SingleFile, RefusesInputsOfOtherModelsByTheirChannels) {
  for (const auto& [channels, model] :
       std::map<int64_t, std::string>{{8, "InstructPix2Pix"}, {5, "depth-conditioned"}}) {
    TempFolder temporary;
    Tensors tensors = single_file(open(kSd15), false, 2);
    tensors["model.diffusion_model.input_blocks.0.0.weight"] =
        Tensor(DType::f16, {32, channels, 3, 3});
    const Checkpoint file = open(write(temporary, tensors));
    const Result<UnetConfig> config = read_unet_config(file);
    ASSERT_FALSE(config.ok());
    EXPECT_NE(config.error().message.find(model), std::string::npos) << config.error().message;
  }
}

}  // namespace
}  // namespace tempera::frontend
