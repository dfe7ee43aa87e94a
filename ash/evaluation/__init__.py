"""Scores of predictions against labels.  No torch.

scores       the confusion matrix, IoU, mIoU
intervals    of differences between experiments, over seeds or over images
label_maps   scores of label maps that any program has written as PNG
conventions  evaluation protocols by name: size of the input, label map that is scored on
selection    which of several trials is taken: DomainBed's rules
families     protocols that the field names together: clan, robustnet, rein, tqdm, native
"""
