import { s3Source } from '../../families/s3/source.js';
import { defineSource } from '../../interface/source.js';

export const source = defineSource({ ...s3Source, id: 'File_AmazonS3ConnectorV2', name: 'Amazon S3 V2' });
